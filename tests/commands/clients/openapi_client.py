# /openapi.json by a validator, and a client that is generated from it.
import json
import pathlib
import subprocess
import sys
import urllib.request

import numpy as np
from openapi_spec_validator import OpenAPIV31SpecValidator

address = f"http://127.0.0.1:{sys.argv[1]}"
document = json.load(urllib.request.urlopen(address + "/openapi.json"))
OpenAPIV31SpecValidator(document).validate()
assert document["paths"]["/v2/models/digits/infer"]["post"]["operationId"] == "post_v2_models_digits_infer"

pathlib.Path("openapi.json").write_text(json.dumps(document))
subprocess.run(
    [sys.executable, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--meta", "none",
     "--output-path", "digits_client", "--overwrite"],
    check=True,
)  # fmt: skip
sys.path.insert(0, ".")
from digits_client import Client
from digits_client.api.v1 import post_v1_models_digits_predict as predict
from digits_client.api.v2 import post_v2_models_digits_infer as infer
from digits_client.models import post_v1_models_digits_predict_body_type_0 as rows

image = np.load("samples/images.npy")[:1].astype(np.float32)
body = rows.PostV1ModelsDigitsPredictBodyType0.from_dict({"instances": image.tolist()})
answer = predict.sync(client=Client(base_url=address), body=body)
scores = np.array(answer.to_dict()["predictions"])
assert scores.shape == (1, 10), scores
model = infer._get_kwargs.__annotations__["body"]
request = {"inputs": [{"name": "image", "shape": list(image.shape), "datatype": "FP32", "data": image.ravel().tolist()}]}
answer = infer.sync(client=Client(base_url=address), body=model.from_dict(request))
assert answer.to_dict()["outputs"][0]["data"] == scores.ravel().tolist()
