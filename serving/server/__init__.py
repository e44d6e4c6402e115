"""The embedded server: one machine's server of published models, which speaks TensorFlow Serving's protocol."""
