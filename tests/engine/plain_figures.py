"""The looped model and its figures once more, in plain loops over Python numbers, to hold the tensors' code against.

It shares no line with what it is held against, and is far too slow for anything but tiny models.
"""

import math
from collections.abc import Sequence

from plt_engine.config import LoopRule
from plt_engine.model import LayerWeights, ModelWeights

Vector = list[float]
Rows = list[Vector]


class PlainRun:
    """A forward pass that keeps everything.

    Attributes:
        states: h^0..h^R, each S rows.
        probs: for each loop the predicted distributions, S rows of V.
        maps: for each loop and layer, and each head, S rows of S attention weights, the gate's parts mixed.
        gates: for each loop (empty for the first) and layer, S rows of H.
    """

    def __init__(self, weights: ModelWeights, ids: Sequence[int], loops: int) -> None:
        config, self._weights = weights.config, weights
        embedding = [weights.embed[i].tolist() for i in ids]
        self.states, self.probs, self.maps, self.gates = [embedding], [], [], []
        shared: list[tuple[list[Rows], list[Rows]]] = []
        x, carried = embedding, embedding
        for r in range(1, loops + 1):
            if r > 1 and config.loop.rule == LoopRule.PARALLEL:
                before = [[0.0] * config.hidden_size, *carried[:-1]]
                a, b = config.loop.emb_scale, config.loop.hidden_scale
                x = [
                    [a * e + b * h for e, h in zip(*rows, strict=True)] for rows in zip(embedding, before, strict=True)
                ]
            maps, gates = [], []
            for i, layer in enumerate(weights.layers):
                x, layer_maps, layer_gates = self._layer(layer, x, shared, i, r)
                maps.append(layer_maps)
                gates.append(layer_gates)
            normed = [rms_norm(row, weights.norm.tolist(), config.rms_norm_eps) for row in x]
            carried = normed if config.loop.normalize_per_loop else x
            self.states.append(x)
            self.probs.append([softmax(times(weights.lm_head.tolist(), row)) for row in normed])
            self.maps.append(maps)
            self.gates.append(gates)

    def _layer(self, layer: LayerWeights, x: Rows, shared, i: int, r: int):
        config = self._weights.config
        S, H, KV, D = len(x), config.num_attention_heads, config.num_key_value_heads, config.head_dim
        u = [rms_norm(row, layer.input_norm.tolist(), config.rms_norm_eps) for row in x]
        q = [self._heads(times(layer.q.tolist(), row), t) for t, row in enumerate(u)]
        k = [self._heads(times(layer.k.tolist(), row), t) for t, row in enumerate(u)]
        v = [split(times(layer.v.tolist(), row), D) for row in u]
        if r == 1:
            shared.append((k, v))
        gates = [] if r == 1 else [self._gate(layer, x[t], q[t]) for t in range(S)]
        maps: list[Rows] = [[] for _ in range(H)]
        y: Rows = []
        for t in range(S):
            mixed: Vector = []
            for h in range(H):
                kv = h * KV // H
                wide = attend(q[t][h], [shared[i][0][j][kv] for j in range(t + 1)], 0)
                values = dot_rows(wide, [shared[i][1][j][kv] for j in range(t + 1)])
                seen = wide
                if r > 1:
                    first = max(0, t - config.loop.window_left)
                    near = attend(q[t][h], [k[j][kv] for j in range(t + 1)], first)
                    own = dot_rows(near, [v[j][kv] for j in range(t + 1)])
                    g = gates[t][h]
                    values = [g * a + (1 - g) * b for a, b in zip(values, own, strict=True)]
                    seen = [g * a + (1 - g) * b for a, b in zip(wide, near, strict=True)]
                maps[h].append(seen + [0.0] * (S - t - 1))
                mixed += values
            y.append(times(layer.o.tolist(), mixed))
        x = [add(a, b) for a, b in zip(x, y, strict=True)]
        return [add(row, self._mlp(layer, row)) for row in x], maps, gates

    def _heads(self, row: Vector, t: int) -> Rows:
        config = self._weights.config
        return [rotated(head, t, config.rope_theta) for head in split(row, config.head_dim)]

    def _gate(self, layer: LayerWeights, x: Vector, q: Rows) -> Vector:
        gate = layer.loop_gate
        assert gate is not None
        bias = gate.bias.tolist()
        if gate.norm is None:
            scores = [dot(w, head) for w, head in zip(gate.weight.tolist(), q, strict=True)]
        else:
            scores = times(gate.weight.tolist(), rms_norm(x, gate.norm.tolist(), self._weights.config.rms_norm_eps))
        return [1 / (1 + math.exp(-(score + b))) for score, b in zip(scores, bias, strict=True)]

    def _mlp(self, layer: LayerWeights, row: Vector) -> Vector:
        m = rms_norm(row, layer.post_norm.tolist(), self._weights.config.rms_norm_eps)
        gate, up = times(layer.gate.tolist(), m), times(layer.up.tolist(), m)
        return times(layer.down.tolist(), [g / (1 + math.exp(-g)) * u for g, u in zip(gate, up, strict=True)])


def attend(q: Vector, keys: Rows, first: int) -> Vector:
    """Softmax weights over keys[first:], 0 before."""
    scores = [dot(q, key) / math.sqrt(len(q)) for key in keys[first:]]
    return [0.0] * first + softmax(scores)


def rotated(head: Vector, t: int, theta: float) -> Vector:
    half = len(head) // 2
    turned = [0.0] * len(head)
    for j in range(half):
        angle = t * theta ** (-j / half)
        turned[j] = head[j] * math.cos(angle) - head[j + half] * math.sin(angle)
        turned[j + half] = head[j + half] * math.cos(angle) + head[j] * math.sin(angle)
    return turned


def rms_norm(row: Vector, weight: Vector, eps: float) -> Vector:
    scale = math.sqrt(sum(x * x for x in row) / len(row) + eps)
    return [x / scale * w for x, w in zip(row, weight, strict=True)]


def softmax(scores: Vector) -> Vector:
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    return [power / sum(powers) for power in powers]


def split(row: Vector, width: int) -> Rows:
    return [row[i : i + width] for i in range(0, len(row), width)]


def times(matrix: Rows, row: Vector) -> Vector:
    return [dot(line, row) for line in matrix]


def dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def dot_rows(weights: Vector, rows: Rows) -> Vector:
    return [sum(w * row[j] for w, row in zip(weights, rows, strict=True)) for j in range(len(rows[0]))]


def add(a: Vector, b: Vector) -> Vector:
    return [x + y for x, y in zip(a, b, strict=True)]


def minus(a: Vector, b: Vector) -> Vector:
    return [x - y for x, y in zip(a, b, strict=True)]


def length(a: Vector) -> float:
    return math.sqrt(dot(a, a))


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def step_size(states: Rows, before: Rows) -> float:
    return mean([length(minus(a, b)) for a, b in zip(states, before, strict=True)])


def angular_change(states: Rows, before: Rows, two_before: Rows) -> float:
    cosines = []
    for a, b, c in zip(states, before, two_before, strict=True):
        step, last = minus(a, b), minus(b, c)
        cosines.append(dot(step, last) / (length(step) * length(last)))
    return mean(cosines)


def offset_cost(states: Rows) -> float:
    return mean([length(minus(states[i], states[i - 1])) for i in range(1, len(states))])


def effective_rank(rows: Rows) -> float:
    unit = [[x / math.sqrt(dot(row, row) / len(row)) for x in row] for row in rows]
    return spread([math.sqrt(max(value, 0.0)) for value in eigenvalues(gram(unit))])


def gram(rows: Rows) -> Rows:
    return [[dot(a, b) for b in rows] for a in rows]


def spread(amounts: Vector) -> float:
    shares = [amount / sum(amounts) for amount in amounts]
    return math.exp(entropy(shares))


def eigenvalues(matrix: Rows) -> Vector:
    """Of a symmetric matrix, by Jacobi's rotations."""
    a = [list(row) for row in matrix]
    n = len(a)
    for _ in range(60):
        for p in range(n):
            for q in range(p + 1, n):
                if abs(a[p][q]) < 1e-300:
                    continue
                turn = 0.5 * math.atan2(2 * a[p][q], a[q][q] - a[p][p])
                c, s = math.cos(turn), math.sin(turn)
                for k in range(n):
                    a[k][p], a[k][q] = c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]
                for k in range(n):
                    a[p][k], a[q][k] = c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]
    return [a[i][i] for i in range(n)]


def entropy(shares: Vector) -> float:
    return -sum(share * math.log(share) for share in shares if share > 0)


def divergence(shares: Vector, before: Vector) -> float:
    return sum(p * math.log(p / q) for p, q in zip(shares, before, strict=True) if p > 0)


def head_vectors(maps: list[Rows]) -> Rows:
    flat = [[x for row in head for x in row] for head in maps]
    return [[x / length(row) for x in row] for row in flat]


def head_similarity(maps: list[Rows]) -> float:
    unit = head_vectors(maps)
    return mean([dot(unit[a], unit[b]) for a in range(len(unit)) for b in range(a)])


def head_effective_rank(maps: list[Rows]) -> float:
    return spread([math.sqrt(max(value, 0.0)) for value in eigenvalues(gram(head_vectors(maps)))])


def true_rank(probs: Vector, true_id: int) -> int:
    return sum(1 for p in probs if p >= probs[true_id])
