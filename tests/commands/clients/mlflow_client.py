# MLflow's own client of its scoring server, and the payloads that it makes of data frames and arrays.
import sys

import numpy as np
import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

images = np.load("samples/images.npy").astype(np.float32)
client = ScoringServerClient("127.0.0.1", int(sys.argv[1]))
client.wait_server_ready(timeout=10)
client.get_version()
arrays = np.array(client.invoke(images).get_predictions(predictions_format="ndarray"))
table = pd.DataFrame(images.reshape(len(images), -1))
frames = np.array(client.invoke(table).get_predictions(predictions_format="ndarray"))
assert arrays.shape == frames.shape == (len(images), 10), (arrays.shape, frames.shape)
assert (arrays == frames).all()
