"""Where things lie in the three buckets; the only place that spells out an object key."""

from __future__ import annotations

REPLAY_OF = "infolens-replay-of"
"""Metadata of an object that was put in again from quarantine: the upload whose bytes it has."""

LABELLED_PREFIX = "labelled/"
"""Uploads bucket: labelled CSV files, `labelled/<task>/<file>`."""

BATCH_PREFIX = "batch/"
"""Uploads bucket: unlabelled CSV files, `batch/<task>/<file>`; their results lie beside them."""

RESULTS_SUFFIX = ".results.csv"
"""What a results file has behind the name of the file that it answers; such an object is no file to answer."""


def labelled_upload(task: str, filename: str) -> str:
    """Uploads bucket: where an editor's labelled CSV file goes."""
    return f"{LABELLED_PREFIX}{task}/{filename}"


def batch_upload(task: str, filename: str) -> str:
    """Uploads bucket: where an unlabelled CSV file goes that is to be answered."""
    return f"{BATCH_PREFIX}{task}/{filename}"


def batch_results(upload_key: str) -> str:
    """Uploads bucket: the answers beside the uploaded file; a file uploaded again makes a new version of them."""
    return f"{upload_key}{RESULTS_SUFFIX}"


def batch_work(task: str, upload_id: str) -> str:
    """Data bucket: what the batch state machine keeps of a file on its way; ends with a slash."""
    return f"batches/{task}/{upload_id}/"


def batch_sheet(task: str, upload_id: str) -> str:
    """Data bucket: header and number of chunks of the file."""
    return f"{batch_work(task, upload_id)}sheet.json"


def batch_chunks(task: str, upload_id: str) -> str:
    """Data bucket: the chunks as a list that a distributed map reads."""
    return f"{batch_work(task, upload_id)}chunks.json"


def batch_questions(task: str, upload_id: str, number: int) -> str:
    """Data bucket: the rows of one chunk."""
    return f"{batch_work(task, upload_id)}questions/{number:05d}.json"


def batch_answers(task: str, upload_id: str, number: int) -> str:
    """Data bucket: the answers to one chunk, created once."""
    return f"{batch_work(task, upload_id)}answers/{number:05d}.json"


def batch_report(task: str, upload_id: str) -> str:
    """Uploads bucket: counts of the answered batch as JSON."""
    return f"results/{task}/{upload_id}.json"


def part(task: str, part_id: str) -> str:
    """Data bucket: the kept rows of one section of an upload as Parquet, named by the hash of its content."""
    return f"parts/{task}/{part_id}.parquet"


def part_index(task: str, part_id: str) -> str:
    """Data bucket: the identities of a part's rows, so that a later upload finds duplicates without reading parts."""
    return f"indexes/{task}/{part_id}.index"


STAGED_PREFIX = "staged/"
"""Data bucket: what an upload of several sections leaves on its way; the bucket forgets it after a week."""


def staged_work(task: str, upload_id: str, code_version: str) -> str:
    """Data bucket: the sections of one upload as one version of the code reads them; ends with a slash."""
    return f"{STAGED_PREFIX}{task}/{upload_id}/{code_version}/"


def staged_sections(task: str, upload_id: str, code_version: str) -> str:
    """Data bucket: all that was staged of one upload; ends with a slash."""
    return f"{staged_work(task, upload_id, code_version)}sections/"


def staged_section(sections: str, number: int, start: int, what: str) -> str:
    """Data bucket: one object of a section below `staged_sections`."""
    return f"{sections}{number:05d}-{start:015d}/{what}"


def staged_section_of(key: str) -> tuple[int, int, str]:
    """Read number, start and what it is out of a staged section's key."""
    *_, place, what = key.split("/")
    number, _, start = place.partition("-")
    return int(number), int(start), what


def staged_plan(task: str, upload_id: str, code_version: str) -> str:
    """Data bucket: header and format of the file, as the plan for its sections found them (`Survey`)."""
    return f"{staged_work(task, upload_id, code_version)}plan.json"


def staged_list(task: str, upload_id: str, code_version: str) -> str:
    """Data bucket: the sections as a list that a distributed map reads."""
    return f"{staged_work(task, upload_id, code_version)}sections.json"


def rejects(task: str, upload_id: str) -> str:
    """Data bucket: the rejected rows of one upload as CSV, as they were, with line, column and reason."""
    return f"rejects/{task}/{upload_id}.csv"


def upload_report(task: str, upload_id: str) -> str:
    """Data bucket: the counts of one upload as JSON. Its presence says that the upload has been dealt with."""
    return f"reports/{task}/{upload_id}.json"


def upload_report_text(task: str, upload_id: str) -> str:
    """Data bucket: the same counts for people."""
    return f"reports/{task}/{upload_id}.txt"


def quarantined(task: str, upload_id: str, filename: str) -> str:
    """Data bucket: a file that was refused whole, byte for byte."""
    return f"quarantine/{task}/{upload_id}/{filename}"


def dataset_manifest(task: str, dataset_id: str) -> str:
    """Data bucket: the description of one dataset (`DatasetManifest`)."""
    return f"datasets/{task}/{dataset_id}/manifest.json"


def dataset_channel(task: str, dataset_id: str) -> str:
    """Data bucket: the same parts as a SageMaker `ManifestFile`, so that jobs read them as one channel."""
    return f"datasets/{task}/{dataset_id}/channel.manifest"


def dataset_head(task: str) -> str:
    """Data bucket: names the newest dataset of a task; written only with `If-Match`."""
    return f"datasets/{task}/head.json"


def training_code(code_version: str) -> str:
    """Models bucket: the source of a training run, as SageMaker script mode wants it."""
    return f"code/{code_version}/sourcedir.tar.gz"


def run_prefix(task: str, run_id: str) -> str:
    """Models bucket: everything that one training run leaves behind; ends with a slash."""
    return f"runs/{task}/{run_id}/"


def bundle_prefix(task: str, digest: str) -> str:
    """Models bucket: a registered bundle under its own digest; ends with a slash."""
    return f"bundles/{task}/{digest}/"


def run_export(task: str, run_id: str) -> str:
    """Models bucket: what the export job of a run wrote; ends with a slash."""
    return f"{run_prefix(task, run_id)}export/"


def run_bundle(task: str, run_id: str) -> str:
    """Models bucket: the exported bundle of a run, before it is registered; ends with a slash."""
    return f"{run_export(task, run_id)}bundle/"


def run_exact(task: str, run_id: str) -> str:
    """Models bucket: the exported graphs in 32 bits, or the word that the bundle has them itself; ends with a slash."""
    return f"{run_export(task, run_id)}exact/"


def run_reference(task: str, run_id: str) -> str:
    """Models bucket: inputs with the trained model's own scores, which the exported bundle must reproduce."""
    return f"{run_export(task, run_id)}reference.json"


def run_parity(task: str, run_id: str) -> str:
    """Models bucket: the exported bundle against the trained model (`ParityReport`)."""
    return f"{run_prefix(task, run_id)}parity.json"


def run_evaluation(task: str, run_id: str) -> str:
    """Models bucket: what the evaluation job of a run wrote; ends with a slash."""
    return f"{run_prefix(task, run_id)}evaluation/"


def run_report(task: str, run_id: str) -> str:
    """Models bucket: metrics on the held-out rows (`EvaluationReport`)."""
    return f"{run_evaluation(task, run_id)}report.json"


def run_verdict(task: str, run_id: str) -> str:
    """Models bucket: what the gates said (`Verdict`)."""
    return f"{run_prefix(task, run_id)}verdict.json"


def run_load(task: str, run_id: str) -> str:
    """Models bucket: what users would have seen of the version (`LoadReport`)."""
    return f"{run_prefix(task, run_id)}load.json"


def run_trained(task: str, run_id: str) -> str:
    """Models bucket: where the trained model of a run lies (`TrainedModel`)."""
    return f"{run_prefix(task, run_id)}trained.json"


def training_turn(task: str) -> str:
    """Models bucket: the execution that trains the task (`Turn`); written only under conditions."""
    return f"turns/{task}.json"
