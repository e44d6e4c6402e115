"""What a person or a schedule asks of a Kubeflow Pipelines server: kfp's own client, made fit for bad networks."""
