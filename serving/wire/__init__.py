"""What TensorFlow Serving's gRPC services say on the wire, without TensorFlow."""
