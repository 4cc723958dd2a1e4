"""Lets API Gateway's own refusals (a wrong key, a throttle) speak as the API's definition says.

LocalStack keeps gateway responses that are put one by one, but skips those of an imported definition, and answers with
its default body in any case.
"""

import io
import json
from typing import Final

from localstack.aws.api import RequestContext
from localstack.aws.api.apigateway import PutRestApiRequest
from localstack.services.apigateway.helpers import get_apigateway_store
from localstack.services.apigateway.legacy import provider as imports
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    BaseGatewayException,
    build_gateway_response,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import GatewayExceptionHandler
from localstack.utils.json import parse_json_or_yaml
from moto.apigateway.models import RestAPI
from rolo import Response

_EXTENSION: Final = "x-amazon-apigateway-gateway-responses"
_JSON: Final = "application/json"
_HEADER: Final = "gatewayresponse.header."


def install() -> None:
    """Take the responses over at import, and use them."""
    import_definition = imports.import_api_from_openapi_spec
    respond = GatewayExceptionHandler.create_exception_response

    def import_with_responses(
        rest_api: RestAPI, context: RequestContext, request: PutRestApiRequest
    ) -> tuple[RestAPI, list[str]]:
        body = request["body"].read()
        done = import_definition(rest_api, context, {**request, "body": io.BytesIO(body)})
        kept = get_apigateway_store(context).rest_apis[rest_api.id].gateway_responses
        for kind, stated in (parse_json_or_yaml(body.decode()).get(_EXTENSION) or {}).items():
            kept[kind] = build_gateway_response(
                status_code=str(stated["statusCode"]) if "statusCode" in stated else None,
                response_parameters=stated.get("responseParameters"),
                response_templates=stated.get("responseTemplates"),
                response_type=kind,
                default_response=False,
            )
        return done

    def respond_as_stated(
        self: GatewayExceptionHandler, exception: BaseGatewayException, context: RestApiInvocationContext
    ) -> Response:
        response = respond(self, exception, context)
        stated = context.deployment.rest_api.gateway_responses.get(exception.type) or {}
        template = (stated.get("responseTemplates") or {}).get(_JSON)
        if template:
            message = json.dumps(exception.message)
            response.data = template.replace("$context.error.messageString", message).encode()
        for name, value in (stated.get("responseParameters") or {}).items():
            if name.startswith(_HEADER):
                response.headers[name.removeprefix(_HEADER)] = value.strip("'")  # literals stand in quotes
        return response

    imports.import_api_from_openapi_spec = import_with_responses
    GatewayExceptionHandler.create_exception_response = respond_as_stated
