"""MobileNet without its last layers: the light one, at three quarters of its width by default."""

from typing import Final

from components.models.backbone import backbone_model
from components.models.spec import BackboneSpec, InputShape, PublishedWeights

_FOLDER: Final = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet"

MODEL: Final = backbone_model(
    name="mobilenet",
    title="MobileNet",
    default_input=InputShape(224, 224, 3),
    default_head="gap",
    backbone=BackboneSpec(
        module="mobilenet",
        function="MobileNet",
        parameters=1_832_976,
        fine_tune_from="conv_dw_7",
        blocks=tuple(f"conv_pw_{block}_relu" for block in range(1, 14)),
        # Of inputs of 224 pixels, whatever the input. Keras publishes no checksums of these files.
        published={
            0.25: PublishedWeights(f"{_FOLDER}/mobilenet_2_5_224_tf_no_top.h5", ""),
            0.5: PublishedWeights(f"{_FOLDER}/mobilenet_5_0_224_tf_no_top.h5", ""),
            0.75: PublishedWeights(
                f"{_FOLDER}/mobilenet_7_5_224_tf_no_top.h5",
                "a133bbba68bb55fe24631485a1abba1aae24113069c8bc26c11b58d4cd08a9b2",
            ),
            1.0: PublishedWeights(f"{_FOLDER}/mobilenet_1_0_224_tf_no_top.h5", ""),
        },
        width=0.75,
    ),
)
