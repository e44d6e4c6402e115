"""Files that bring TensorFlow Serving up with Docker Compose, Kubernetes or KServe."""
