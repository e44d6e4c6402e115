"""Publishing: a blessed model becomes a version that TensorFlow Serving can load, whole or not at all."""
