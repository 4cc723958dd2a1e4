"""SageMaker: training and processing jobs as processes over a folder of the shape of /opt/ml."""
