"""The project's own messages beyond the standard, as types: what a client may rely on, field by field.

Nothing here sends or reads anything. A client announces what it wants in its initialization options, as
`{"plt": {"capabilities": {"statusNotifications": true, ...}}}`; without a word it gets none of the notifications.

    plt/status                     request: params none, result Status
    plt/didChangeStatus            notification: Status; announced by `statusNotifications`
    plt/inlineCompletionProgress   notification: InlineCompletionProgress; announced by `inlineCompletionProgress`
    plt/completionReport           notification: CompletionReport; announced by `completionReport`
    plt/didDismissCompletion       notification to the server: DidDismissCompletion
    plt/explanationProgress        notification: ExplanationProgress; announced by `explanationProgress`
    plt/refactoringProgress        notification: RefactoringProgress; announced by `refactoringProgress`

A client that announces `renameAt` has a command of its own, `plt.renameAt`, which the server names in code actions: it
has the user rename what stands at a place (a document's URI and a Position).
"""

from typing import Literal, NotRequired, TypedDict

DID_CHANGE_STATUS = "plt/didChangeStatus"
INLINE_COMPLETION_PROGRESS = "plt/inlineCompletionProgress"
COMPLETION_REPORT = "plt/completionReport"
DID_DISMISS = "plt/didDismissCompletion"
STATUS = "plt/status"
EXPLANATION_PROGRESS = "plt/explanationProgress"
REFACTORING_PROGRESS = "plt/refactoringProgress"

StatusKind = Literal["Normal", "Busy", "Warning", "Error", "Inactive"]


class CommandJson(TypedDict):
    """A Command of the protocol, which the client runs through workspace/executeCommand."""

    title: str
    command: str
    arguments: NotRequired[list[object]]


class EngineJson(TypedDict):
    """The engine process; what only the process knows is null in a notification while it is loading.

    Attributes:
        pid: its process id.
        numStarts: how often this server has started one.
        uptimeMs: how long it has run.
        maxRssBytes: the most memory that it has had.
        numQueued: requests that wait for another one.
        numFinished: requests that ended with a text.
        numFailed: requests that ended with an error.
        info: the loaded pack, with the fields of plt_engine.types.EngineInfo in camel case; null where none is loaded.
    """

    pid: int | None
    numStarts: int
    uptimeMs: float | None
    maxRssBytes: int | None
    numQueued: int | None
    numFinished: int | None
    numFailed: int | None
    info: dict[str, object] | None


class IndexJson(TypedDict):
    """The index of a workspace folder.

    Attributes:
        folder: its path.
        state: `starting`; `waiting` while another window's process keeps it; `scanning`; `ready`; or `failed`.
        pid: of the process that keeps it, or null where none runs.
        numFiles: that it holds.
        numDone: files read since there was last nothing to do.
        numTotal: those, and the ones still to be read.
        watching: whether its process sees changes by itself, or has to be told of them.
        truncated: whether the folder has more files than `plt.index.maxFiles` allows.
        maxRssBytes: the most memory that its process has had.
    """

    folder: str
    state: str
    pid: int | None
    numFiles: int
    numDone: int
    numTotal: int
    watching: bool
    truncated: bool
    maxRssBytes: int


class DecisionJson(TypedDict):
    """What was chosen for a request, by which numbers, and what came of it.

    Attributes:
        kind: `typing`, `invoked`, `explain` or `refactor`.
        reason: what decided (plt_engine.types.DecisionReason).
        askedLoops: as `plt.loops` says, or null for auto.
        loops: the loop count that was run.
        budgetMs: the latency budget.
        numWholeTokens: length of the whole prompt.
        numPromptTokens: length of what was shown of it.
        numUncachedTokens: of these, how many had to be computed.
        numAnswerTokens: tokens that the answer might have by the budget's end.
        predictedMs: for an answer of so many tokens; null where nothing was known of this machine's speed.
        answerMs: what the answer took the engine.
        modelMs: what would be predicted for the tokens that it had.
        withinBudget: whether it took no longer than the budget; null where there was none.
        text: all that in one line for people.
    """

    kind: str
    reason: str
    askedLoops: int | None
    loops: int
    budgetMs: float | None
    numWholeTokens: int
    numPromptTokens: int
    numUncachedTokens: int
    numAnswerTokens: int
    predictedMs: float | None
    answerMs: float | None
    modelMs: float | None
    withinBudget: bool | None
    text: str


class LatencyJson(TypedDict):
    """What is known of this machine's speed at a loop count.

    Attributes:
        loops: the loop count.
        tokenMs: for one more token after 1000.
        readingMs: for reading 100 tokens after 900.
        error: the median relative error of the predictions.
        numMeasured: measurements so far; 0 where it is guessed from another loop count.
    """

    loops: int
    tokenMs: float
    readingMs: float
    error: float
    numMeasured: int


class Status(TypedDict):
    """The answer to plt/status, and plt/didChangeStatus, which is sent on every change of the first four fields.

    Attributes:
        kind: Normal; Busy while loading or generating; Warning where the next request may mend it; Error where
            the user has to; Inactive where it is switched off.
        message: one sentence for people.
        reason: a name for programs: `loading`, `generating`, `disabled`, `engine_off`, or the reason why the last
            request failed (plt_lsp.reasons); absent where all is well.
        command: what helps, where the server can do something.
        version: of the server.
        model: as `plt.model` says.
        numDocuments: that are open.
        counts: how requests ended, and what was accepted, since the server's start.
        engine: the engine process, or null where none runs.
        indexes: of the workspace folders in which a document was opened.
        loops: as `plt.loops` says: `auto`, or a count.
        budgetsMs: the latency budget of each kind of request.
        decision: of the last text that was asked for, or null before the first.
        latencies: of each loop count, once something was measured.
    """

    kind: StatusKind
    message: str
    reason: NotRequired[str]
    command: NotRequired[CommandJson]
    version: str
    model: str
    numDocuments: int
    counts: dict[str, int]
    engine: EngineJson | None
    indexes: list[IndexJson]
    loops: str | int
    budgetsMs: dict[str, int]
    decision: DecisionJson | None
    latencies: list[LatencyJson]


class PositionJson(TypedDict):
    """A Position of the protocol."""

    line: int
    character: int


class InlineCompletionProgress(TypedDict):
    """How far the text for a request has grown, also after the answer where that was a partial one.

    Attributes:
        requestId: of the request for the completion.
        uri: of the document.
        position: that was asked for; the text stands there.
        text: all of it so far, to be inserted at the position; it may still be cut at its end.
        done: whether this is the last one; then the text is the whole one.
        cancelled: whether it is the last one because there is no text, or because an edit or a newer request came.
    """

    requestId: str | int | None
    uri: str
    position: PositionJson
    text: str
    done: bool
    cancelled: bool


class CompletionReport(TypedDict):
    """How a request for a completion ended, sent before its answer.

    Attributes:
        requestId: of the request.
        uri: of the document.
        outcome: `completed`, or the reason why there is no text (plt_lsp.reasons).
        elapsedMs: from the request to its answer.
        model: the pack that answered, or null.
        numItems: how many texts there are to choose from.
        partial: whether the text goes on growing, so that the next request may be answered with more of it.
        kept: whether the text was there already, or on its way, when it was asked for.
        finishReason: why the generation of the first text ended, or null.
        metrics: what the first text cost, with the fields of plt_engine.types.GenerationMetrics in camel case, or null.
    """

    requestId: str | int | None
    uri: str
    outcome: str
    elapsedMs: float
    model: str | None
    numItems: int
    partial: bool
    kept: bool
    finishReason: str | None
    metrics: dict[str, object] | None


class TextDocumentJson(TypedDict):
    """A TextDocumentIdentifier of the protocol."""

    uri: str


class DidDismissCompletion(TypedDict):
    """The user has dismissed what is shown in a document: it is not offered there again.

    Attributes:
        textDocument: the document.
    """

    textDocument: TextDocumentJson


class ExplanationProgress(TypedDict):
    """An explanation so far; sent again as it grows, at most ten times a second, and once at its end.

    Attributes:
        id: of the explanation, which is also in the command's result.
        uri: of the document that is explained.
        kind: `explain`, `oneSentence`, `lineByLine` or `whatCouldGoWrong`.
        text: all of it so far, as Markdown without links, images, HTML or anything that acts.
        done: whether it has ended.
        cancelled: whether it was ended before its end.
    """

    id: int
    uri: str
    kind: str
    text: str
    done: bool
    cancelled: bool


class Explanation(TypedDict):
    """What `plt.explainSelection` and its follow-ups answer.

    Attributes:
        id: of the explanation.
        uri: of the document that is explained.
        kind: as in ExplanationProgress.
        document: of the virtual document that holds it and grows; null for clients without virtual documents, which
            are answered at the end of the explanation and not at once.
        text: all of it so far, as Markdown.
        done: whether it has ended.
        cancelled: whether it was ended before its end.
        outcome: how it ended: why the model stopped, `repetition`, `cancelled`, `no_chat` or `failed`; null while it
            grows.
        model: that speaks.
        metrics: what it cost, with the fields of plt_engine.types.GenerationMetrics in camel case, or null.
    """

    id: int
    uri: str
    kind: str
    document: str | None
    text: str
    done: bool
    cancelled: bool
    outcome: str | None
    model: str
    metrics: dict[str, object] | None


class RangeJson(TypedDict):
    """A Range of the protocol."""

    start: PositionJson
    end: PositionJson


class RefactoringProgress(TypedDict):
    """A refactoring that the model writes, so far; sent again as it grows, at most ten times a second, and at its end.

    Nothing is applied: the client shows it, and applies `edit` if the user wants it.

    Attributes:
        id: of the refactoring, which is also in the command's result.
        uri: of the document.
        version: of the text that it belongs to; of any other text the edit is wrong.
        range: of the text that is rewritten.
        title: what is being done, as the user reads it.
        text: what takes the range's place, as far as it is written.
        done: whether it has ended.
        cancelled: whether it was ended before its end.
        refusal: why nothing is proposed, in words, or null.
        edit: a WorkspaceEdit of the protocol that does it, once it has passed every check; null before, and where
            nothing is proposed.
    """

    id: int
    uri: str
    version: int
    range: RangeJson
    title: str
    text: str
    done: bool
    cancelled: bool
    refusal: str | None
    edit: dict[str, object] | None


class Refactoring(TypedDict):
    """What `plt.refactorSelection` answers, at the refactoring's end.

    Attributes:
        id: of the refactoring; null where it did not begin.
        uri: of the document.
        title: what was asked for, as the user reads it.
        cancelled: whether it was ended before its end.
        refusal: why nothing is proposed, in words, or null.
        applied: whether the client has applied it.
        edit: a WorkspaceEdit of the protocol that does it, or null.
    """

    id: int | None
    uri: str
    title: str
    cancelled: bool
    refusal: str | None
    applied: bool
    edit: dict[str, object] | None
