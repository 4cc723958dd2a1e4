"""Tells the main job in eight chapters, checks after each that it came out as promised, and keeps the facts."""

from __future__ import annotations

import itertools
import json
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich import box
from rich.markup import escape
from rich.table import Table

from infolens.aws.bundles import download
from infolens_cli import context, executions, logs, predictions, rollouts, trainings, uploading, views
from infolens_cli.commands.clouds import deploy_stack, start_cloud, stop_cloud
from infolens_cli.commands.models import follow_training, register_bundle, show_run
from infolens_cli.commands.rows import await_batch, await_report, show_batch, show_report
from infolens_cli.demo import bad_bundles, evidence, samples
from infolens_cli.demo.summary import Facts, Rollback, Run, Step, draw, draw_next_steps
from infolens_cli.demo.traffic import Count, Traffic, count
from infolens_cli.deployment import EMBEDDED_PARAMETERS
from infolens_cli.trouble import Trouble
from infolens_cli.waiting import wait_for
from infolens_cli.workplace import Workplace, check_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from infolens.contracts.model import ModelRecord
    from infolens.contracts.rollout import AliasState

PLAN_FILE = Path(__file__).with_name("plan.json")
FIRST_ROWS, FIRST_SEED = 1400, 1
SECOND_ROWS, SECOND_SEED = 2600, 2
DIRT = 0.06
EXAMPLE_ID = 4711
"""Prediction id of the request that the reader is given to repeat and to follow."""

FIRST_ID = 100_001
"""Prediction ids of the demo's users begin here."""

TRAIL_LINES = 6
BATCH_ROWS = 60
RATE = 25.0
"""Requests a second; S0-14 speaks of 3000 an hour, this is a newsroom at breaking news (S0-34)."""

PATIENT_LOOK_SECONDS = 60
"""Between two looks of the state machine while a bad candidate is out, as in the tasks' own plans: the alarm, whose
period is ten seconds, has to be quicker."""

# Limits, not expectations: a machine that does other things meanwhile is slow, and no less right.
_REPORT_SECONDS = 300.0
_TRAINING_SECONDS = 1500.0
_ROLLOUT_SECONDS = 900.0
_TAKE_BACK_SECONDS = 120.0
_LINGER_SECONDS = 2.0


class Unexpected(Trouble):
    """A chapter did not come out as promised."""

    def __init__(self, expected: str, seen: str, advice: str = "") -> None:
        """Say both sides."""
        super().__init__(f"the demo expected {expected}, and saw {seen}", advice)


def expect(holds: bool, expected: str, seen: object) -> None:
    """Go on only when a promise was kept.

    Raises:
        Unexpected: it was not.
    """
    if not holds:
        raise Unexpected(expected, str(seen))


@dataclass(frozen=True)
class Watched:
    """What was seen while a rollout ran under traffic."""

    steps: tuple[Step, ...]
    users: Count
    began: float
    """Seconds since the epoch at which the rollout began."""
    ended: float
    """When the candidate's weight was seen at its end, 0 or 100."""


class Story:
    """The demo."""

    def __init__(self, workplace: Workplace, task: str, port: int | None) -> None:
        """Prepare; nothing happens before `tell`."""
        if check_task(task) not in samples.tasks_with_samples():
            raise Trouble(
                f"{task} has no sample generator", f"tasks with one: {', '.join(samples.tasks_with_samples())}"
            )
        self._work = workplace
        self._screen = workplace.screen
        self._task = task
        self._port = port
        self._folder = workplace.state_dir.parent / "demo"
        self._plan: dict[str, Any] = json.loads(PLAN_FILE.read_text("utf-8"))
        self._facts = Facts(task, prediction_id=str(EXAMPLE_ID))
        self._ids = itertools.count(FIRST_ID)
        self._began = time.monotonic()

    def tell(self, *, stop_at_end: bool) -> None:
        """Tell all chapters, then the summary.

        Raises:
            Trouble: a chapter did not come out, or could not be told.
        """
        try:
            with self._chapter(1, "A cloud on this machine"):
                self._a_cloud()
            with self._chapter(2, "An editor uploads labelled rows"):
                self._rows_in("labelled.csv", FIRST_ROWS, FIRST_SEED)
            with self._chapter(3, "A model is trained, judged, and goes live"):
                self._first_version()
            with self._chapter(4, "Answers, by batch and by API"):
                self._answers()
            with self._chapter(5, "More rows, and a better model that climbs step by step"):
                self._rows_in("more.csv", SECOND_ROWS, SECOND_SEED)
                self._successor()
            with self._chapter(6, "A bad successor that fails: its alarm takes it back"):
                self._bad("fails", bad_bundles.failing, "demo: a hurried export")
            with self._chapter(7, "A bad successor that is slow: its alarm takes it back"):
                self._bad("is slow", bad_bundles.slow, "demo: a second tower")
        except BaseException:
            if self._work.running is not None:
                self._screen.say(
                    "\n[dim]The cloud stays up for you to look: `infolens status`, then `infolens down`.[/]"
                )
            raise
        self._facts = replace(self._facts, seconds=time.monotonic() - self._began)
        self._screen.heading(8, "What happened")
        self._screen.print(*draw(self._facts))
        self._screen.say("[bold]Call the API yourself, while the cloud stays up:[/]\n")
        self._screen.verbatim(f"{self._facts.curl}\n")
        self._screen.say("[bold]What to run next:[/]\n")
        self._screen.print(draw_next_steps(self._facts))
        if stop_at_end:
            stop_cloud(self._work)
            self._screen.say("The embedded cloud has stopped.")

    @contextmanager
    def _chapter(self, number: int, title: str) -> Iterator[None]:
        self._screen.heading(number, title)
        started = time.monotonic()
        yield
        self._facts = replace(self._facts, chapters=(*self._facts.chapters, (title, time.monotonic() - started)))

    # ------------------------------------------------------------------ chapters

    def _a_cloud(self) -> None:
        self._leave_no_old_demo()
        running = start_cloud(self._work, self._port)
        shutil.rmtree(self._folder, ignore_errors=True)  # files of an earlier demo
        self._folder.mkdir(parents=True)
        (self._folder / "cloud.json").write_text(json.dumps({"pid": running.pid, "born": running.born}), "utf-8")
        expect(
            self._work.target.endpoint == running.endpoint_url, f"to talk to {running.endpoint_url}", self._work.target
        )
        stack = deploy_stack(
            self._work, EMBEDDED_PARAMETERS | {"RolloutPlan": json.dumps(self._plan, separators=(",", ":"))}
        )
        self._screen.say(f"The API is at [bold]{stack.api_url}[/], its key is {self._work.api_key}")
        first = predictions.curl(stack.api_url, self._work.api_key, self._task, self._example())
        self._facts = replace(self._facts, curl=first)

    def _leave_no_old_demo(self) -> None:
        """Stop the cloud that an earlier demo left running; anybody else's is not ours to stop."""
        running = self._work.running
        if running is None:
            return
        try:
            left = json.loads((self._folder / "cloud.json").read_text("utf-8"))
        except (OSError, ValueError):
            left = {}
        if left != {"pid": running.pid, "born": running.born}:
            raise Trouble(
                f"an embedded cloud already runs at {running.endpoint_url} (pid {running.pid}), "
                "and the demo needs a fresh one",
                "`infolens down` stops it, with all that is in it",
            )
        self._screen.say("The cloud that the last demo left running is stopped first.")
        stop_cloud(self._work)

    def _rows_in(self, name: str, rows: int, seed: int) -> None:
        path = self._folder / name
        samples.labelled_file(self._task, path, rows=rows, seed=seed, dirt=DIRT)
        put = uploading.put(self._work.client("s3"), self._work.stack, self._task, path, batch=False)
        self._screen.say(f"{rows} rows of the project's own making, with planted dirt: s3://{put.bucket}/{put.key}")
        report = await_report(self._work, self._task, put, _REPORT_SECONDS)
        show_report(self._work, report)
        dealt_with = report.rows_kept + report.rows_duplicate + report.rows_rejected
        expect(report.status == "accepted", "the file to be accepted", f"{report.status}: {report.reason}")
        expect(
            report.rows_in == rows == dealt_with,
            f"{rows} rows in, each kept, duplicate or rejected",
            f"{report.rows_in} in, {report.rows_kept} kept, {report.rows_duplicate} duplicate, "
            f"{report.rows_rejected} rejected",
        )
        expect(
            bool(report.rows_duplicate and report.rows_rejected),
            "the planted dirt to be found",
            f"{report.rows_duplicate} duplicate, {report.rows_rejected} rejected",
        )
        self._facts = replace(self._facts, uploads=(*self._facts.uploads, report))

    def _first_version(self) -> None:
        record = self._train()
        with self._screen.step("Going live"):
            alias = self._wait_for_alias(lambda state: state.champion == record.version, "the first version to go live")
        expect(not alias.weight, "one version with all the traffic", views.alias(alias))
        self._screen.say(f"{escape(views.alias(alias))}: there was no champion to compare it with in traffic.")

    def _answers(self) -> None:
        path = self._folder / "unlabelled.csv"
        samples.batch_file(self._task, path, rows=BATCH_ROWS, seed=3)
        put = uploading.put(self._work.client("s3"), self._work.stack, self._task, path, batch=True)
        self._screen.say(f"{BATCH_ROWS} rows without labels, two of them empty: s3://{put.bucket}/{put.key}")
        report = await_batch(self._work, self._task, put, _REPORT_SECONDS)
        show_batch(self._work, report)
        expect(
            (report.status, report.rows_in, report.rows_failed) == ("answered", BATCH_ROWS, 2),
            f"{BATCH_ROWS - 2} rows answered and 2 refused",
            f"{report.status}, {report.rows_answered} answered and {report.rows_failed} failed of {report.rows_in}",
        )
        self._facts = replace(self._facts, batch=report)
        self._ask_the_api()

    def _ask_the_api(self) -> None:
        payload = self._example()
        url = predictions.address(self._work.stack.api_url, self._task)
        with httpx.Client(timeout=predictions.TIME_OUT) as client:
            self._screen.say("\nThe API, asked as an app would:")
            answer = predictions.ask(client, url, self._work.api_key, payload)
            expect(answer.ok, "an answer of the API", f"{answer.status} {views.problem(answer.body)}")
            self._screen.print(views.answer(answer.body))
            again = predictions.ask(client, url, self._work.api_key, payload)
            self._screen.say(
                f"first answer after {answer.seconds * 1000:.0f} ms, the same again {again.seconds * 1000:.0f} ms"
            )
            refused = predictions.ask(client, url, self._work.api_key, {})
            unknown = predictions.ask(client, url, "not-the-key", payload)
        self._show_trail()
        self._screen.say(f"an empty request: {escape(views.problem(refused.body))}")
        self._screen.say(f"a wrong key: {escape(views.problem(unknown.body))}")
        expect(refused.status in {400, 422}, "an empty request to be refused with 422", refused.status)
        expect(unknown.status == httpx.codes.FORBIDDEN, "a wrong key to be refused with 403", unknown.status)

    def _successor(self) -> None:
        champion = self._facts.runs[-1].record.version
        record = self._train()
        machine = self._work.stack.rollout_state_machine_arn
        self._screen.say(
            f"First its shadow: version {record.version} answers copies of users' questions, "
            "and nobody sees its answers."
        )
        with self._traffic() as users:
            arn = wait_for(
                lambda: executions.newest(
                    self._work.client("stepfunctions"),
                    machine,
                    lambda given: given.get("task") == self._task and str(given.get("candidate")) == record.version,
                ),
                what=f"the rollout of version {record.version}",
                seconds=30,
            )
            watched = self._watch(
                users, record.version, lambda state: state.champion == record.version, _ROLLOUT_SECONDS
            )
            self._screen.print(views.brief_history(rollouts.standing(self._work, self._task).history))
            users_saw = count(users.since(watched.began))
        with self._screen.step("Closing the rollout"):
            ended = executions.follow(self._work.client("stepfunctions"), arn, seen=lambda _: None, seconds=60)
        expect(ended.status == "SUCCEEDED", "the rollout to succeed", f"{ended.status} {ended.error} {ended.cause}")
        expect(not users_saw.failed, "every user to be answered", users_saw.failures)
        weights = [step.weight for step in watched.steps]
        expect(weights == sorted(set(weights)) and weights[-1] == 100, "weights that rise to 100", weights)
        self._screen.say(
            f"Version {record.version} replaced version {champion}; users sent {users_saw.requests} requests "
            f"meanwhile, {users_saw.failed} failed."
        )
        self._facts = replace(self._facts, climb=watched.steps, climb_users=users_saw)

    def _bad(self, how: str, make: Callable[[Path, Path], str], reason: str) -> None:
        champion = self._facts.runs[-1].record
        record = self._spoil(champion, how.replace(" ", "-"), make, reason)
        function = self._work.stack.predict_function(self._task)
        # Without its shadow, which would find it out before any user: what is shown here is the brake behind that.
        plan = self._plan | {"look_seconds": PATIENT_LOOK_SECONDS, "shadow": None}
        with self._traffic() as users:
            self._warm(users)
            rollouts.start(self._work, self._task, record.version, plan=plan, forced=True)
            watched = self._watch(users, record.version, self._taken_back(record.version), _TAKE_BACK_SECONDS)
            time.sleep(_LINGER_SECONDS)  # users who were under way when the alias moved are part of what users saw
            saw = users.since(watched.began)
        served = evidence.read(self._work.client("logs"), function, record.version, watched.began)
        expect(bool(served), f"version {record.version} to have met traffic", "no request of it in the log")
        faulty = [one for one in served if one.faulty]
        limit = float(self._plan["alarms"]["latency_ms"])
        bad = faulty or [one for one in served if one.milliseconds is not None and one.milliseconds > limit]
        expect(bool(bad), f"version {record.version} to be bad", f"{len(served)} good answers")
        standing = rollouts.standing(self._work, self._task)
        self._screen.print(views.brief_history(standing.history))
        back = next((event for event in standing.history if event.event == "rolled_back"), None)
        who = back.who if back else "nobody"
        expect(
            who.startswith("alarm:"), "an alarm to take it back", f"{who}: {'; '.join(back.reasons) if back else ''}"
        )
        first = bad[0].at
        moved = datetime.fromisoformat(back.at).timestamp() if back else watched.ended
        users_saw = count(saw)
        expect(not users_saw.failed, "every user to be answered all the same", users_saw.failures)
        rollback = Rollback(
            how=how,
            record=record,
            by=who,
            reason="; ".join(back.reasons) if back else "",
            seconds=max(0.0, moved - first),
            requests=sum(first <= one.at <= moved for one in saw),
            bad=len(bad),
            mean_ms=sum(one.milliseconds or 0.0 for one in served) / len(served),
            steps=watched.steps,
            users=users_saw,
        )
        self._screen.say(
            f"Version {record.version} {how}: [bold]{rollback.seconds:.1f} s[/] and "
            f"[bold]{rollback.requests} requests[/] from its first bad answer to weight 0; {rollback.bad} requests "
            f"met it, {users_saw.failed} users saw an error, "
            f"{users_saw.rescued} were answered by version {champion.version} instead."
        )
        self._facts = replace(self._facts, rollbacks=(*self._facts.rollbacks, rollback))

    # --------------------------------------------------------------------- parts

    def _train(self) -> ModelRecord:
        """Follow the run that the last upload has started; gives the version that it registered."""
        report = self._facts.uploads[-1]
        machine = self._work.stack.training_state_machine_arn
        manifest = trainings.dataset(self._work.objects, self._work.stack, self._task, report.dataset_id)
        arn = executions.arn_of(machine, trainings.run_name(manifest, again=False))
        states = self._work.client("stepfunctions")
        with self._screen.step("The new dataset starts a run by itself"):
            wait_for(lambda: executions.exists(states, arn), what=f"execution {arn.rpartition(':')[2]}", seconds=30)
        ended = follow_training(self._work, self._task, arn, _TRAINING_SECONDS)
        show_run(self._work, self._task, ended)
        expect(ended.status == "SUCCEEDED", "the run to succeed", f"{ended.status} {ended.error} {ended.cause}")
        record = next((item for item in self._work.registry.list(self._task) if item.run_id == ended.name), None)
        if record is None:
            raise Unexpected("the run to register a version", "none in the registry")
        verdict = trainings.verdict_of(self._work.objects, self._work.stack, self._task, ended.name)
        if verdict is None:
            raise Unexpected("a verdict", "none in the models bucket")
        measured = trainings.evaluation_of(self._work.objects, self._work.stack, self._task, ended.name)
        self._screen.say(
            f"registered as version [bold]{record.version}[/], bundle {views.digest(record.bundle_digest)}"
        )
        seconds = sum(state.seconds(self._work.now()) for state in ended.states)
        self._facts = replace(self._facts, runs=(*self._facts.runs, Run(record, verdict, measured, seconds)))
        return record

    def _spoil(self, champion: ModelRecord, name: str, make: Callable[[Path, Path], str], reason: str) -> ModelRecord:
        """Make a bad bundle out of the champion's, and register it as an operator would, past the gates."""
        good, bad = self._folder / "champion", self._folder / f"bundle-that-{name}"
        with self._screen.step("Making the bad bundle out of the champion's"):
            download(champion.bundle_uri, champion.bundle_digest, good, self._work.client("s3"))
            digest = make(good, bad)
        with self._screen.step("An operator registers it past the gates"):
            record = register_bundle(self._work, self._task, bad, reason)
        expect(record.bundle_digest == digest, f"bundle {digest} to be registered", record.bundle_digest)
        self._screen.say(
            f"infolens register {self._task} {_shown(bad)} --force --reason {json.dumps(reason)}"
            f" → version [bold]{record.version}[/]"
        )
        self._screen.say(f"infolens rollout start {self._task} {record.version} --force")
        return record

    def _show_trail(self) -> None:
        """Print what the functions said about the example's prediction."""
        client = self._work.client("logs")
        since = int(self._work.now().timestamp() * 1000) - 60_000

        def look() -> list[logs.Line] | None:
            found = logs.find(client, self._work.target.stack, str(EXAMPLE_ID), since)
            return found if len({line.source for line in found}) > 1 else None

        with self._screen.step("Reading the logs"):
            found = wait_for(look, what=f"the log lines of prediction {EXAMPLE_ID}", seconds=30)
        self._screen.say(f"Its trail through the functions (infolens logs {EXAMPLE_ID}):")
        for line in found[:TRAIL_LINES]:
            self._screen.say(logs.render(line, str(EXAMPLE_ID)))

    def _example(self) -> dict[str, object]:
        """The request that the curl line shows; its id is one that no other request has."""
        return {"prediction_id": EXAMPLE_ID, **samples.requests(self._task, count=1, seed=4)[0]}

    def _traffic(self) -> Traffic:
        url = predictions.address(self._work.stack.api_url, self._task)
        payloads = samples.requests(self._task, count=200, seed=4)
        return Traffic.over_http(url, self._work.api_key, payloads, rate=RATE, ids=self._ids)

    def _warm(self, users: Traffic) -> None:
        """Let the champion's environments start before it is compared with anybody."""
        began = users.now
        with self._screen.step("Users arrive"):
            wait_for(lambda: len(users.since(began)) >= 2 * RATE or None, what="answers", seconds=30, every=0.2)

    def _wait_for_alias(self, holds: Callable[[AliasState], bool], what: str) -> AliasState:
        function = self._work.stack.predict_function(self._task)

        def look() -> AliasState | None:
            state = self._work.aliases.read(function)
            return state if state is not None and holds(state) else None

        return wait_for(look, what=what, seconds=60, every=0.3, advice=f"`infolens rollout status {self._task}`")

    def _taken_back(self, candidate: str) -> Callable[[AliasState], bool]:
        """Tell whether the candidate had its weight and lost it."""
        had_weight = False

        def holds(state: AliasState) -> bool:
            nonlocal had_weight
            had_weight = had_weight or state.candidate == candidate
            return had_weight and state.candidate != candidate

        return holds

    def _watch(self, users: Traffic, candidate: str, done: Callable[[AliasState], bool], seconds: float) -> Watched:
        """Watch weights and answers until the alias is as it should be at the end."""
        function = self._work.stack.predict_function(self._task)
        began = users.now
        steps: list[Step] = []
        with self._screen.step(f"Version {candidate} meets {RATE:g} requests a second") as step:

            def look() -> AliasState | None:
                state = self._work.aliases.read(function)
                if state is None:
                    return None
                weight = 100 if state.champion == candidate else state.weight if state.candidate == candidate else 0
                saw = count(users.since(began))
                if (weight or steps) and (not steps or steps[-1].weight != weight):
                    steps.append(Step(users.now - began, weight, saw.requests))
                    step.say(
                        f"[dim]{steps[-1].seconds:5.1f} s[/]  {views.bar(weight)} {weight:3d} % for version {candidate}"
                    )
                step.show(_live(state, saw))
                why = f" ({', '.join(saw.failures)})" if saw.failures else ""
                step.note(f"{saw.requests} requests, {saw.failed} failed{why}, {saw.rescued} rescued by the champion")
                return state if done(state) else None

            wait_for(
                look,
                what=f"the end of the rollout of version {candidate}",
                seconds=seconds,
                every=0.2,
                advice=f"`infolens rollout status {self._task}` tells how it stands",
            )
            ended = users.now
        return Watched(tuple(steps), count(users.since(began)), began, ended)


def _shown(path: Path) -> Path:
    """A path as it would be typed in the checkout."""
    return path.relative_to(context.CHECKOUT) if path.is_relative_to(context.CHECKOUT) else path


def _live(state: AliasState, saw: Count) -> Table:
    """Who has which weight, and who answered how often and how fast."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("version", "weight", "", "answers", "mean ms"):
        table.add_column(name, justify="right" if name in {"weight", "answers", "mean ms"} else "left", no_wrap=True)
    shares = {state.champion: 100 - state.weight}
    if state.candidate:
        shares[state.candidate] = state.weight
    for version in sorted({*shares, *saw.versions}, key=lambda name: int(name) if name.isdigit() else 0):
        share = shares.get(version, 0)
        table.add_row(
            version,
            f"{share} %",
            views.bar(share),
            str(saw.versions.get(version, 0)),
            f"{saw.mean_ms[version]:.0f}" if version in saw.mean_ms else "",
        )
    return table
