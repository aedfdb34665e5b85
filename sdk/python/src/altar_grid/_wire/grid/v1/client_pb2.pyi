from altar_grid._wire.grid.v1 import call_pb2 as _call_pb2
from altar_grid._wire.grid.v1 import local_pb2 as _local_pb2
from altar_grid._wire.grid.v1 import session_pb2 as _session_pb2
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor
