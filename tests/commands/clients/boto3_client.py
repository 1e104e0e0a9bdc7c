# boto3's client of SageMaker's runtime. SageMaker's own front end passes what it sends to the container's /invocations;
# here an event handler does.
import io
import json
import sys

import boto3
import numpy as np

images = np.load("samples/images.npy").astype(np.float32)
client = boto3.client(
    "sagemaker-runtime",
    endpoint_url=f"http://127.0.0.1:{sys.argv[1]}",
    region_name="eu-central-1",
    aws_access_key_id="none",
    aws_secret_access_key="none",
)


def to_container(request, **_):
    request.url = request.url.replace("/endpoints/digits/invocations", "/invocations")


client.meta.events.register("before-send.sagemaker-runtime.InvokeEndpoint", to_container)


def invoke(body, content_type, accept):
    return client.invoke_endpoint(
        EndpointName="digits", Body=body, ContentType=content_type, Accept=accept
    )["Body"].read()


body = json.dumps({"instances": images.tolist()})
rows = json.loads(invoke(body, "application/json", "application/json"))["predictions"]
npy = io.BytesIO()
np.save(npy, images)
array = np.load(io.BytesIO(invoke(npy.getvalue(), "application/x-npy", "application/x-npy")))
csv = io.StringIO()
np.savetxt(csv, images.reshape(len(images), -1), delimiter=",")
table = np.loadtxt(io.BytesIO(invoke(csv.getvalue(), "text/csv", "text/csv")), delimiter=",", ndmin=2)
assert array.dtype == np.float32 and array.shape == (len(images), 10)
assert (np.array(rows, np.float32) == array).all() and (table.astype(np.float32) == array).all()
