"""DenseNet201 without its last layers, as an earlier project defined it: all of it is fine-tuned."""

from typing import Final

from components.models.backbone import backbone_model
from components.models.spec import BackboneSpec, InputShape, PublishedWeights

MODEL: Final = backbone_model(
    name="densenet201",
    title="DenseNet201",
    default_input=InputShape(224, 224, 3),
    default_head="gap_dropout_first",
    backbone=BackboneSpec(
        module="densenet",
        function="DenseNet201",
        parameters=18_321_984,
        fine_tune_from="conv1_conv",
        blocks=("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu"),
        published={
            1.0: PublishedWeights(
                "https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
                "densenet201_weights_tf_dim_ordering_tf_kernels_notop.h5",
                "c13680b51ded0fb44dff2d8f86ac8bb1",
            )
        },
    ),
)
