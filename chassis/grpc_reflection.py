"""Server reflection as v1, and as v1alpha, which older tools ask for.

grpcio-reflection has v1alpha only. The messages of the two differ in nothing but their package.
"""

from collections.abc import Sequence
from functools import cache

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

_METHOD = "ServerReflectionInfo"
_V1 = "grpc.reflection.v1.ServerReflection"


def add_reflection(server: grpc.aio.Server, service_names: Sequence[str]) -> None:
    """Let clients ask a server for the contracts of its services."""
    _describe_v1()
    servicer = reflection.aio.ReflectionServicer((*service_names, reflection.SERVICE_NAME, _V1))
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(_V1, {_METHOD: handler}),)
    )


@cache
def _describe_v1() -> None:
    """Add the description of v1, so that a client can ask for that of reflection itself."""
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name, file.package = _as_v1(file.name), _as_v1(file.package)
    for message in file.message_type:
        for field in filter(_has_named_type, message.field):
            field.type_name = _as_v1(field.type_name)
    for method in file.service[0].method:
        method.input_type, method.output_type = map(_as_v1, (method.input_type, method.output_type))
    descriptor_pool.Default().Add(file)


def _has_named_type(field: descriptor_pb2.FieldDescriptorProto) -> bool:
    return field.HasField("type_name")


def _as_v1(name: str) -> str:
    return name.replace("v1alpha", "v1", 1)
