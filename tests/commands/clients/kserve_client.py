# KServe's own client: its protocol V1, V2 as JSON and with binary tensors, and gRPC with raw and typed contents.
import asyncio
import sys

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

http_port, grpc_port = sys.argv[1:3]
address = f"http://127.0.0.1:{http_port}"
images = np.load("samples/images.npy").astype(np.float32)


def request(model="digits", binary=True, **more):
    x = InferInput("image", list(images.shape), "FP32")
    x.set_data_from_numpy(images, binary_data=binary)
    return InferRequest(model, [x], request_id="7", **more)


def scores_of(response):
    assert (response.model_name, response.id) == ("digits", "7")
    return response.outputs[0].as_numpy()


async def ask_v1():
    client = InferenceRESTClient(RESTConfig(protocol="v1"))
    assert await client.is_server_live(address) and await client.is_model_ready(address, "digits")
    answer = await client.infer(address, {"instances": images.tolist()}, model_name="digits")
    try:
        await client.infer(address, {"instances": [1]}, model_name="digits")
        raise SystemExit("V1 took a wrong shape")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 400 and "image" in str(error), error
    await client.close()
    return np.array(answer["predictions"], np.float32)


async def ask_v2():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    assert await client.is_server_live(address) and await client.is_server_ready(address)
    assert await client.is_model_ready(address, "digits") and not await client.is_model_ready(address, "none")
    text = scores_of(await client.infer(address, request(binary=False), model_name="digits"))
    for more in (
        {},
        {"parameters": {"binary_data_output": True}},
        {"request_outputs": [RequestedOutput("scores", {"binary_data": True})]},
    ):
        assert (scores_of(await client.infer(address, request(**more), model_name="digits")) == text).all()
    try:
        await client.infer(address, request("none"), model_name="none")
        raise SystemExit("V2 answered for a model that there is not")
    except httpx.HTTPStatusError as error:
        assert error.response.status_code == 404 and "no model" in str(error), error
    await client.close()
    return text


async def ask_grpc():
    client = InferenceGRPCClient(f"127.0.0.1:{grpc_port}")
    assert await client.is_server_live() and await client.is_server_ready() and await client.is_model_ready("digits")
    raw = scores_of(await client.infer(request()))
    typed = scores_of(await client.infer(request(binary=False)))
    assert (raw == typed).all()
    try:
        await client.infer(request("none"))
        raise SystemExit("gRPC answered for a model that there is not")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND and "no model" in error.details(), error
    await client.close()
    return raw


async def main():
    v1, v2, by_grpc = await ask_v1(), await ask_v2(), await ask_grpc()
    assert v2.shape == (len(images), 10) and (v1 == v2).all() and (v2 == by_grpc).all()


asyncio.run(main())
