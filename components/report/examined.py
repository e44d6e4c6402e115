"""The tested images that the report shows, with the model's answers and what these rest on."""

from collections.abc import Mapping, Sequence

from components.clinical_evaluator.scored_images import ScoredImages
from components.example_files import find_pictures
from components.heat_map_evaluator.explain import explain
from components.report.content import ExaminedImage, ImageGroup
from components.report.overlays import overlay_uri
from components.report.picks import pick_images
from components.report.thumbnails import thumbnail_uri
from schema import contract
from serving.servable import Servable


def show_images(images: ScoredImages, patterns: Sequence[str], model: str) -> list[ImageGroup]:
    """The picked images with their pictures and heat maps.

    Args:
        patterns: of the TFRecord files that hold them.
        model: folder of the SavedModel that gave the answers.
    """
    picks = pick_images(images)
    shown = {images.sources[row] for kind in picks for row in kind.rows}
    pictures = {picture.source: picture.png for picture in find_pictures(patterns, shown)}
    overlays = draw_overlays(pictures, model)
    return [
        ImageGroup(
            title=kind.title,
            meaning=kind.meaning,
            images=[_examined(images, row, pictures, overlays) for row in kind.rows],
        )
        for kind in picks
    ]


def draw_overlays(pictures: Mapping[str, bytes], model: str) -> dict[str, str]:
    """By source, data URIs; none from a model that was exported before models explained themselves."""
    with Servable(model) as servable:
        if not pictures or not servable.has_signature(contract.SERVING_EXPLANATION):
            return {}
        heat_maps = explain(servable, list(pictures.values()))
    return {
        source: overlay_uri(picture, heat_map)
        for (source, picture), heat_map in zip(pictures.items(), heat_maps, strict=True)
    }


def _examined(
    images: ScoredImages, row: int, pictures: Mapping[str, bytes], overlays: Mapping[str, str]
) -> ExaminedImage:
    source = images.sources[row]
    return ExaminedImage(
        source=source,
        label=images.labels[images.truth[row]],
        decided=images.labels[images.decided[row]],
        probability=float(images.scores[row]),
        picture=thumbnail_uri(pictures[source]) if source in pictures else "",
        overlay=overlays.get(source, ""),
    )
