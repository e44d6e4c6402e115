"""Names that ingestion, training, evaluation, serving and clients must agree on."""

from typing import Final

# What every page and card says.
RESEARCH_ONLY: Final = "Research use only. Not for diagnosis."

# Splits. `test` is read by the Evaluator alone.
TRAIN: Final = "train"
EVAL: Final = "eval"
TEST: Final = "test"
SPLITS: Final = (TRAIN, EVAL, TEST)

# Features of the tf.Example that ingestion writes (and that `serving_default` reads).
IMAGE_ENCODED: Final = "image/encoded"  # bytes: PNG, 8 or 16 bits per channel
IMAGE_FORMAT: Final = "image/format"  # bytes: always IMAGE_FORMAT_PNG
IMAGE_HEIGHT: Final = "image/height"  # int64, pixels
IMAGE_WIDTH: Final = "image/width"  # int64, pixels
IMAGE_CHANNELS: Final = "image/channels"  # int64, 1 (grey) or 3 (RGB)
IMAGE_BIT_DEPTH: Final = "image/bit_depth"  # int64, bits per channel in the source file
IMAGE_MEAN: Final = "image/mean"  # float, mean brightness in [0, 1]
IMAGE_STD: Final = "image/std"  # float, standard deviation of the brightness in [0, 1]
IMAGE_SIZE_BAND: Final = "image/size_band"  # bytes: range of the number of pixels in the source file
LABEL: Final = "label"  # bytes: class name
LABEL_INDEX: Final = "label/index"  # int64: position in the data set's label order
GROUP: Final = "group"  # bytes: patient, or what stands for one
SOURCE: Final = "source"  # bytes: path of the file, relative to the data folder

IMAGE_FORMAT_PNG: Final = "png"

# Facts about an image that some data sets know, each an optional feature of bytes named ATTRIBUTE_PREFIX + name. The
# list is closed, so that no column of a table (a name, a date of birth) reaches an artifact by accident.
ATTRIBUTE_PREFIX: Final = "attribute/"
VIEW: Final = "view"  # CC, MLO, ...
SIDE: Final = "side"  # left or right breast
MAGNIFICATION: Final = "magnification"  # of the microscope: 40X, ...
DENSITY: Final = "density"  # background tissue
FINDING: Final = "finding"  # type of lesion or tumour
SITE: Final = "site"  # hospital or laboratory
DEVICE: Final = "device"  # scanner
ATTRIBUTES: Final = (VIEW, SIDE, MAGNIFICATION, DENSITY, FINDING, SITE, DEVICE)

# What images can be divided by, and the feature that holds it.
SIZE: Final = "size"
SLICES: Final = {**{name: ATTRIBUTE_PREFIX + name for name in ATTRIBUTES}, SIZE: IMAGE_SIZE_BAND}

# Features that Transform writes.
TRANSFORMED_IMAGE: Final = "image"  # bytes: tf.io.serialize_tensor of uint8 (height, width, channels)
TRANSFORMED_LABEL: Final = "label_index"  # int64
TRANSFORMED_SOURCE: Final = "source"  # bytes: as SOURCE

# Signatures of the exported model, with their inputs.
SERVING_DEFAULT: Final = "serving_default"
EXAMPLES_INPUT: Final = "examples"  # string (batch,): serialized tf.Example
SERVING_IMAGE: Final = "serving_image"
SERVING_EXPLANATION: Final = "serving_explanation"
IMAGE_BYTES_INPUT: Final = "image_bytes"  # of the last two, string (batch,): an encoded image; base64 over REST

# Outputs of all signatures.
PROBABILITIES: Final = "probabilities"  # float32 (batch, classes), in label order
PREDICTED_LABEL: Final = "label"  # string (batch,): the class name at the operating point
MALIGNANT_PROBABILITY: Final = "malignant_probability"  # float32 (batch,): of the positive class
THRESHOLD: Final = "threshold"  # float32 (batch,): the operating point
CLASSES: Final = "classes"  # string (batch, classes): the class names, so that a client needs no other source

# One more output of SERVING_EXPLANATION.
HEAT_MAP: Final = "heat_map"  # float32 (batch, HEAT_MAP_SIDE, HEAT_MAP_SIDE) in [0, 1], over the whole image
HEAT_MAP_SIDE: Final = 64

# Files beside the SavedModel, in the folder that TF Serving leaves alone.
EXTRA_ASSETS: Final = "assets.extra"
MODEL_DESCRIPTION_FILE: Final = "model.json"
REFERENCE_FILE: Final = "reference_predictions.json"
WARM_UP_FILE: Final = "tf_serving_warmup_requests"  # TensorFlow Serving's name
MODEL_CARD: Final = "model_card"  # .md, .json

# Beside the logs of a training: its curves and what it chose, as JSON.
TRAINING_FILE: Final = "training.json"

# An image with more pixels is refused before it is decoded.
MAXIMUM_PIXELS: Final = 120_000_000
MAXIMUM_FILE_BYTES: Final = 512 * 1024 * 1024
MAXIMUM_PAGES: Final = 1_000  # images in one file
