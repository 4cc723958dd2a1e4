"""`infolens feedback`: tells what an answer should have been."""

from typing import Annotated

import httpx
import typer
from rich.markup import escape

from infolens_cli import predictions, views
from infolens_cli.trouble import Trouble, friendly
from infolens_cli.workplace import Workplace, check_task

_WORDS = {
    "recorded": "kept beside the answer",
    "same": "was told before; nothing has changed",
    "corrected": "stands from now on; the one before it is kept, and counts no more",
    "awaiting": "is kept, and joined once the answer is known",
}


@friendly
def feedback(
    ctx: typer.Context,
    prediction_id: Annotated[int, typer.Argument(min=1, help="Id of the prediction.", show_default=False)],
    label: Annotated[
        str,
        typer.Argument(
            help="The truth: a label or its id, the editor's summary, the movie chosen.", show_default=False
        ),
    ],
    *,
    task: Annotated[str, typer.Option(help="Needed where the id belongs to answers of several tasks.")] = "",
) -> None:
    """Tell what an answer should have been; rollouts are decided on it. Exit code 1 when it is refused.

    Another label for the same prediction is a correction: the newest stands.

    [dim]Examples:[/]
      infolens feedback 7 Sports --task news_category
      infolens feedback 4242 "The senate passed the bill after midnight." --task news_summary
    """
    workplace: Workplace = ctx.obj
    told: dict[str, object] = {"prediction_id": prediction_id, "label": label}
    if task:
        told["task"] = check_task(task)
    with httpx.Client(timeout=predictions.TIME_OUT) as client:
        answer = predictions.ask(client, f"{workplace.stack.api_url}/feedback", workplace.api_key, told)
    if answer.status not in {httpx.codes.OK, httpx.codes.ACCEPTED}:
        raise Trouble(views.problem(answer.body))
    words = _WORDS[str(answer.body["outcome"])]
    workplace.screen.say(escape(f"{answer.body['task']} {prediction_id}: {answer.body['label']} {words}"))
