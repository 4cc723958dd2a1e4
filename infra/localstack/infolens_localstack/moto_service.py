"""Serves an AWS API from moto, where LocalStack has none or one that needs more than Python."""

import threading
from collections.abc import Mapping

from localstack.aws.api import RequestContext
from localstack.aws.api.core import ServiceRequest, ServiceRequestHandler, ServiceResponse
from localstack.aws.skeleton import Skeleton
from localstack.aws.spec import load_service
from localstack.services.moto import call_moto
from localstack.services.plugins import Service


def service_from_moto(name: str, own: Mapping[str, ServiceRequestHandler], *, one_at_a_time: bool = False) -> Service:
    """Build the service ``name`` with our own handlers for the operations in ``own`` and moto's for all others.

    Args:
        name: botocore's name of the service.
        own: operation name (``CreateTrainingJob``) to a function of (context, request) that returns the response.
        one_at_a_time: moto's backend takes a single caller; conditions and transactions are then atomic.
    """
    model = load_service(name)
    ask = _one_at_a_time(_ask_moto) if one_at_a_time else _ask_moto
    table: dict[str, ServiceRequestHandler] = dict.fromkeys(model.operation_names, ask)
    table.update(own)
    return Service(name, skeleton=Skeleton(model, table))


def _one_at_a_time(ask: ServiceRequestHandler) -> ServiceRequestHandler:
    lock = threading.Lock()

    def ask_alone(context: RequestContext, request: ServiceRequest) -> ServiceResponse | None:
        with lock:
            return ask(context, request)

    return ask_alone


def _ask_moto(context: RequestContext, _request: ServiceRequest) -> ServiceResponse:
    return call_moto(context)
