"""The list of figures: what each is called, in which unit, from which loop on it exists, and how it is read.

It computes nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FigureKind:
    """One figure.

    Attributes:
        name: its key in the report's JSON.
        title: for people.
        unit: for people.
        first_loop: the first loop that has it; what compares two loops begins at 2.
        by_layer: whether every layer has its own.
        reading: one sentence on what it says.
    """

    name: str
    title: str
    unit: str
    first_loop: int
    by_layer: bool
    reading: str


STATES, NATS = "state distance", "nats"
LOSS, LENS_RANK, TOP_SHARE = "loss", "lens_rank", "top_share"
EFFECTIVE_RANK, OUTPUT_SHIFT, OFFSET_COST, STEP_SIZE, GATE = (
    "effective_rank",
    "output_shift",
    "offset_cost",
    "step_size",
    "gate",
)
FIXED_POINT_GAP, PEAK_SHARE = "fixed_point_gap", "peak_share"

KINDS = {
    kind.name: kind
    for kind in (
        FigureKind(LOSS, "Loss", f"{NATS} per token", 1, False,
                   "What the true next token costs at this exit: the one figure here that is quality itself."),
        FigureKind(TOP_SHARE, "True token first", "share", 1, False,
                   "How often the true next token is the likeliest."),
        FigureKind(LENS_RANK, "Rank of the true token", "rank", 1, False,
                   "Its place among all tokens when the output head reads this loop's state; 1 is the likeliest."),
        FigureKind("entropy", "Output entropy", NATS, 1, False, "How undecided the prediction is at this exit."),
        FigureKind(OUTPUT_SHIFT, "Output shift", NATS, 2, False,
                   "KL of this loop's prediction from the one before: the gain side, how much the loop still changes."),
        FigureKind(PEAK_SHARE, "Peak of tokens", "share", 2, False,
                   "The share of tokens whose prediction this loop changes most."),
        FigureKind(STEP_SIZE, "Step size", STATES, 1, False,
                   "How far the loop moves a token's state; before loop 1 the state is the embedding."),
        FigureKind("angular_change", "Angular change", "cosine", 2, False,
                   "Whether the step goes on in the direction of the one before; below 0 the states swing back."),
        FigureKind(FIXED_POINT_GAP, "Fixed-point gap", STATES, 1, False,
                   "How far one further loop would move the state; 0 where looping has settled."),
        FigureKind(OFFSET_COST, "Offset cost", STATES, 2, False,
                   "How far a token's state lies from its predecessor's, which is what the loop gets in its place."),
        FigureKind(EFFECTIVE_RANK, "Effective rank", "directions", 1, False,
                   "How many directions a text's states spread over: rising, another loop may pay; falling, stop."),
        FigureKind("attention_entropy", "Attention entropy", NATS, 1, True, "How widely the heads look around."),
        FigureKind("attention_shift", "Attention shift", NATS, 2, True,
                   "KL of where this loop looks from where the loop before looked."),
        FigureKind("head_similarity", "Head similarity", "cosine", 1, True,
                   "How alike two heads of a layer look; rising means that heads repeat each other."),
        FigureKind("head_effective_rank", "Head effective rank", "heads", 1, True,
                   "How many different ways to look the heads of a layer have."),
        FigureKind(GATE, "Gate", "share", 2, True,
                   "How much of the attention goes to loop 1's shared keys, and not to the loop's own window."),
    )
}  # fmt: skip
