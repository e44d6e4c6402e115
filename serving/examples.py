"""Images as `serving_default` takes them."""

import tensorflow as tf

from schema import contract


def image_example(image: bytes) -> bytes:
    """A serialized tf.Example of an encoded image, and nothing else."""
    value = tf.train.Feature(bytes_list=tf.train.BytesList(value=[image]))
    example = tf.train.Example(features=tf.train.Features(feature={contract.IMAGE_ENCODED: value}))
    serialized: bytes = example.SerializeToString()
    return serialized
