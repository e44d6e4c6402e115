"""Checks, in a process of its own, that an exported model serves the trainer's own numbers.

python -m serving.check MODEL_DIRECTORY
"""

import sys
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schema import contract
from schema.errors import EXIT_BAD_CONFIGURATION, BreastImagingError
from serving.examples import image_example
from serving.extras import read_description, read_extra
from serving.reference import ReferencePredictions
from serving.saved_model import UnusableModelError
from serving.servable import Answering, Predictions, Servable

TOLERANCE: Final = 1e-4  # absolute, on probabilities; fused kernels differ from eager ones by about 1e-6
_FIX: Final = "train and export the model again"


def check_model(directory: str) -> None:
    """Raises UnusableModelError where the model cannot answer, or not as the trainer did."""
    with Servable(directory) as servable:
        check_answers(servable, directory)


def check_answers(model: Answering, directory: str) -> None:
    """Raises UnusableModelError where a loaded model does not answer as the trainer did.

    Args:
        directory: of the SavedModel, with the trainer's answers beside it.
    """
    try:
        reference = ReferencePredictions.from_json(read_extra(directory, contract.REFERENCE_FILE))
    except (ValueError, KeyError) as error:
        raise UnusableModelError(
            f"{contract.REFERENCE_FILE} in {directory} is damaged ({error}).", fix=_FIX
        ) from error
    _compare(model.predict_images(reference.images), reference, contract.SERVING_IMAGE)
    _check_classes(model, reference.images[0], directory)
    examples = [image_example(image) for image in reference.images]
    _compare(model.predict_examples(examples), reference, contract.SERVING_DEFAULT)
    explained = model.explain_images(reference.images)
    _compare(explained.predictions, reference, contract.SERVING_EXPLANATION)
    _check_heat_maps(explained.heat_maps, len(reference.images))


def _check_classes(model: Answering, image: bytes, directory: str) -> None:
    answer = model.run(contract.SERVING_IMAGE, {contract.IMAGE_BYTES_INPUT: np.array([image], object)})
    answered = [[bytes(name).decode() for name in row] for row in answer.get(contract.CLASSES, [])]
    described = list(read_description(directory).labels)
    if answered != [described]:
        raise UnusableModelError(
            f"{contract.SERVING_IMAGE} names the classes {answered}; the model's description {described}.", fix=_FIX
        )


def _compare(served: Predictions, reference: ReferencePredictions, signature: str) -> None:
    if served.probabilities.shape != reference.probabilities.shape:
        raise UnusableModelError(
            f"{signature} answers probabilities of shape {served.probabilities.shape}; the trainer's have"
            f" {reference.probabilities.shape}.",
            fix=_FIX,
        )
    difference = float(np.abs(served.probabilities - reference.probabilities).max())
    if not difference <= TOLERANCE:  # so that NaN fails too
        raise UnusableModelError(
            f"{signature} answers probabilities that differ by {difference:.2g} from the trainer's own, more"
            f" than {TOLERANCE:g}.",
            fix=_FIX,
        )
    if abs(served.threshold - reference.threshold) > TOLERANCE:
        raise UnusableModelError(
            f"{signature} answers the threshold {served.threshold}; the trainer chose {reference.threshold}.",
            fix=_FIX,
        )


def _check_heat_maps(heat_maps: NDArray[np.float32], images: int) -> None:
    expected = (images, contract.HEAT_MAP_SIDE, contract.HEAT_MAP_SIDE)
    if heat_maps.shape != expected:
        raise UnusableModelError(
            f"{contract.SERVING_EXPLANATION} answers heat maps of shape {heat_maps.shape}, not {expected}.", fix=_FIX
        )
    if not np.all((heat_maps >= 0.0) & (heat_maps <= 1.0)):  # so that NaN fails too
        raise UnusableModelError(
            f"{contract.SERVING_EXPLANATION} answers heat maps with values outside of [0, 1].", fix=_FIX
        )


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m serving.check MODEL_DIRECTORY", file=sys.stderr)
        return EXIT_BAD_CONFIGURATION
    try:
        check_model(arguments[0])
    except BreastImagingError as error:
        print(error)  # to standard output, since TensorFlow chats on the other
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
