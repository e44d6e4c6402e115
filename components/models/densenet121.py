"""DenseNet121 without its last layers, under four dense layers, as an earlier project used it."""

from typing import Final

from components.models.backbone import backbone_model
from components.models.spec import BackboneSpec, InputShape, PublishedWeights

MODEL: Final = backbone_model(
    name="densenet121",
    title="DenseNet121",
    default_input=InputShape(256, 256, 3),
    default_head="mlp",
    backbone=BackboneSpec(
        module="densenet",
        function="DenseNet121",
        parameters=7_037_504,
        fine_tune_from="conv5_block1_0_bn",
        blocks=("conv1_relu", "pool2_relu", "pool3_relu", "pool4_relu", "relu"),
        published={
            1.0: PublishedWeights(
                "https://storage.googleapis.com/tensorflow/keras-applications/densenet/"
                "densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
                "30ee3e1110167f948a6b9946edeeb738",
            )
        },
    ),
)
