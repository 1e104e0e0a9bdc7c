"""Trains the four-in-a-row example and writes it into templates/projects/four-in-a-row.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py

Positions are taken from games of careless players and solved completely, so that the network learns from what is right
and not from what somebody played. One position in ten is held back, chosen by a hash that a position shares with its
mirror image: what is held back, and its mirror image, trains nothing and chooses nothing.
"""

import hashlib
import pathlib
import sys

import numba
import numpy as np
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import project

POSITIONS = 24_000
FIRST, LAST = 22, 38  # stones on the board; with fewer a position takes too long to solve
EPOCHS = 30
BATCH = 256
CHANNELS = 20
GAMES = 200

torch.manual_seed(0)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

# A board is two numbers of 49 bits: seven columns of six cells and a seventh that stays empty, the lowest cell first.
# `own` are the stones of the player whose move it is, `all` those of both. See John Tromp's and Pascal Pons's pages on
# solving Connect Four for this form, in which four in a row are found by shifts.
U = numba.uint64
ENTRIES = 1 << 22


@numba.njit(numba.boolean(U))
def won(stones):
    for shift in (1, 6, 7, 8):
        pairs = stones & (stones >> U(shift))
        if pairs & (pairs >> U(2 * shift)):
            return True
    return False


@numba.njit(U(U, U))
def dropped(all_, column):
    """The cell that a stone falls to; 0 if the column is full."""
    cell = (all_ + (U(1) << (column * U(7)))) & (U(0x3F) << (column * U(7)))
    return cell & ~all_


@numba.njit(numba.int64(U, U, U[:], numba.int8[:]))
def solve(own, all_, keys, values):
    """1 if the player whose move it is wins, 0 for a draw, -1 if the other one does, if both make no mistake. The table
    keeps what was found before: key and value of a position, the newest in its place."""
    possible, threats, must = 0, 0, U(0)  # moves; cells where the other player would win, and the last of them
    for c in range(7):
        cell = dropped(all_, U(c))
        if cell:
            possible += 1
            if won(own | cell):
                return 1
            if won((all_ ^ own) | cell):
                threats += 1
                must = cell
    if possible == 0:
        return 0
    if threats > 1:
        return -1
    if threats == 1:
        return -solve(all_ ^ own, all_ | must, keys, values)
    key = own + all_  # a different sum for each position
    place = key % U(ENTRIES - 3)
    if keys[place] == key:
        return values[place]
    best = -1
    for c in (3, 2, 4, 1, 5, 0, 6):
        cell = dropped(all_, U(c))
        if cell:
            value = -solve(all_ ^ own, all_ | cell, keys, values)
            if value > best:
                best = value
            if best == 1:
                break
    keys[place] = key
    values[place] = best
    return best


@numba.njit
def value_of(own, all_, column, keys, values):
    """Of a move: 2 if it wins at once, else as solve(); -2 if it is not possible."""
    cell = dropped(all_, U(column))
    if cell == U(0):
        return -2
    if won(own | cell):
        return 2
    return -solve(all_ ^ own, all_ | cell, keys, values)


@numba.njit
def careless_game(stones, carelessness):
    """A position with this many stones, or no stones if the game ended before. The players see what wins at once and
    what they must prevent at once, if they look."""
    own, all_ = U(0), U(0)
    for _ in range(stones):
        chosen = -1
        if np.random.random() > carelessness:
            for player in range(2):
                mine = own if player == 0 else all_ ^ own
                for c in range(7):
                    cell = dropped(all_, U(c))
                    if chosen < 0 and cell and won(mine | cell):
                        chosen = c
        while chosen < 0 or not dropped(all_, U(chosen)):
            chosen = np.random.randint(7)
        cell = dropped(all_, U(chosen))
        if won(own | cell):
            return U(0), U(0)
        own, all_ = all_ ^ own, all_ | cell
    return own, all_


@numba.njit
def seed(value):
    np.random.seed(value)


def board_of(own, all_):
    """[6, 7], the top row first: 1 is a stone of the player whose move it is, -1 one of the other player."""
    cells = np.zeros((6, 7), np.int8)
    for column in range(7):
        for row in range(6):
            bit = 1 << (7 * column + row)
            if all_ & bit:
                cells[5 - row, column] = 1 if own & bit else -1
    return cells


def is_held_back(board):
    """The same for a position and its mirror image."""
    name = min(board.tobytes(), board[:, ::-1].tobytes())
    return hashlib.sha256(name).digest()[0] % 10 == 0


def positions():
    """Boards, the value of each move, in an order that depends on the seed alone."""
    keys, values = np.zeros(ENTRIES, np.uint64), np.zeros(ENTRIES, np.int8)
    seed(0)
    rng = np.random.default_rng(0)
    found = {}
    while len(found) < POSITIONS:
        stones = int(rng.integers(FIRST, LAST + 1))
        own, all_ = careless_game(stones, float(rng.uniform(0.1, 0.9)))
        if all_ == 0 or (int(own), int(all_)) in found:
            continue
        found[int(own), int(all_)] = [value_of(U(own), U(all_), c, keys, values) for c in range(7)]
        if len(found) % 1000 == 0:
            print(f"{len(found)} positions solved", flush=True)
    boards = np.array([board_of(*key) for key in found])
    return boards, np.array(list(found.values()), np.int8)


class Network(torch.nn.Module):
    """A small residual network; BatchNorm is folded into the convolutions when it is exported."""

    def __init__(self):
        super().__init__()
        sizes = [2] + [CHANNELS] * 5
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(sizes, sizes[1:])
        )
        self.norms = torch.nn.ModuleList(torch.nn.BatchNorm2d(size) for size in sizes[1:])
        self.move = torch.nn.Conv2d(CHANNELS, 8, 1)
        self.moves = torch.nn.Linear(8 * 42, 7)
        self.values = torch.nn.Linear(8 * 42, 1)

    def forward(self, planes):
        x = planes
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            y = norm(convolution(x))
            x = torch.relu(y if i == 0 else y + x)
        x = torch.relu(self.move(x)).flatten(1)
        return self.moves(x), torch.tanh(self.values(x))[:, 0]

    def weights(self):
        """By their names in GRAPH."""
        arrays = {}
        for i, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            arrays[f"w{i}"] = convolution.weight * scale[:, None, None, None]
            arrays[f"b{i}"] = norm.bias - norm.running_mean * scale
        arrays |= {"w5": self.move.weight, "b5": self.move.bias, "w_moves": self.moves.weight, "b_moves": self.moves.bias,
                   "w_value": self.values.weight, "b_value": self.values.bias}
        return {name: array.detach().numpy() for name, array in arrays.items()}


GRAPH = """
four_in_a_row (int8[batch, 6, 7] board) => (float[batch, 7] moves, float[batch] value) {
    one = Constant <value = int8 {1}> ()
    minus_one = Constant <value = int8 {-1}> ()
    zero = Constant <value = int8 {0}> ()
    own_stones = Equal (board, one)
    other_stones = Equal (board, minus_one)
    own = Cast <to = 1> (own_stones)
    other = Cast <to = 1> (other_stones)
    plane = Constant <value_ints = [1]> ()
    own_plane = Unsqueeze (own, plane)
    other_plane = Unsqueeze (other, plane)
    planes = Concat <axis = 1> (own_plane, other_plane)

    c0 = Conv <pads = [1, 1, 1, 1]> (planes, w0, b0)
    x0 = Relu (c0)
    c1 = Conv <pads = [1, 1, 1, 1]> (x0, w1, b1)
    s1 = Add (c1, x0)
    x1 = Relu (s1)
    c2 = Conv <pads = [1, 1, 1, 1]> (x1, w2, b2)
    s2 = Add (c2, x1)
    x2 = Relu (s2)
    c3 = Conv <pads = [1, 1, 1, 1]> (x2, w3, b3)
    s3 = Add (c3, x2)
    x3 = Relu (s3)
    c4 = Conv <pads = [1, 1, 1, 1]> (x3, w4, b4)
    s4 = Add (c4, x3)
    x4 = Relu (s4)
    c5 = Conv (x4, w5, b5)
    x5 = Relu (c5)
    features = Flatten <axis = 1> (x5)

    top = Constant <value = int64 {0}> ()
    top_row = Gather <axis = 1> (board, top)
    is_open = Equal (top_row, zero)
    impossible = Constant <value = float {-1e9}> ()
    all_scores = Gemm <transB = 1> (features, w_moves, b_moves)
    scores = Where (is_open, all_scores, impossible)
    moves = Softmax <axis = 1> (scores)
    result = Gemm <transB = 1> (features, w_value, b_value)
    result_in_range = Tanh (result)
    value = Squeeze (result_in_range, plane)
}
"""


def planes_of(boards):
    return torch.from_numpy(np.stack([boards == 1, boards == -1], 1).astype(np.float32))


def train(boards, values):
    """Each epoch sees a position or its mirror image."""
    best = values.max(1, keepdims=True)
    targets = torch.from_numpy((values == best) / (values == best).sum(1, keepdims=True)).float()
    results = torch.from_numpy(np.clip(best[:, 0], -1, 1)).float()
    planes = planes_of(boards)
    network = Network()
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, EPOCHS * (len(boards) // BATCH + 1))
    for epoch in range(EPOCHS):
        total = 0.0
        for batch in torch.randperm(len(boards)).split(BATCH):
            x, target = planes[batch], targets[batch]
            if torch.rand(()) < 0.5:
                x, target = x.flip(3), target.flip(1)
            scores, value = network(x)
            loss = torch.nn.functional.cross_entropy(scores, target) + torch.nn.functional.mse_loss(value, results[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(batch)
        print(f"epoch {epoch + 1}: loss {total / len(boards):.4f}", flush=True)
    return network.eval()


def play(session, opponent, rng):
    """The result of a game for the network, which takes the move that it likes best."""
    own, all_ = 0, 0
    turn = int(rng.integers(2))
    for _ in range(42):
        if turn == 0:
            moves, _ = session.run(None, {"board": board_of(own, all_)[None]})
            column = int(moves[0].argmax())
        else:
            column = opponent(own, all_, rng)
        cell = int(dropped(U(all_), U(column)))
        if won(U(own | cell)):
            return 1 if turn == 0 else -1
        own, all_ = all_ ^ own, all_ | cell
        turn = 1 - turn
    return 0


def random_player(own, all_, rng):
    return int(rng.choice([c for c in range(7) if dropped(U(all_), U(c))]))


def attentive_player(own, all_, rng):
    """Wins if it can at once, prevents what it must at once; at random otherwise."""
    for stones in (own, all_ ^ own):
        for c in range(7):
            cell = int(dropped(U(all_), U(c)))
            if cell and won(U(stones | cell)):
                return c
    return random_player(own, all_, rng)


def main():
    boards, values = positions()
    held_back = np.array([is_held_back(board) for board in boards])
    print(f"{held_back.sum()} of {len(boards)} positions are held back")
    network = train(boards[~held_back], values[~held_back])
    model = project.model_of(GRAPH, network.weights())

    boards, values = boards[held_back], values[held_back]
    best = values.max(1, keepdims=True)
    session = project.session_of(model)
    moves, value = session.run(None, {"board": boards})
    chosen = np.take_along_axis(values, moves.argmax(1)[:, None], 1)
    print(f"of {len(boards)} held-back positions it chooses a best move in {(chosen == best).mean():.4f}")
    print(f"a move that keeps win or draw: {(np.minimum(chosen, 1) == np.minimum(best, 1)).mean():.4f}")
    rounded = np.round(value).astype(int)
    print(f"it knows who wins in {(rounded == np.clip(best[:, 0], -1, 1)).mean():.4f}")
    matters = values.max(1) != np.where(values == -2, 2, values).min(1)
    one = ((values == best).sum(1) == 1) & matters
    print(f"one best move: {one.sum()} positions, {(moves.argmax(1) == values.argmax(1))[one].mean():.4f} found")

    sample = np.flatnonzero(one)[:500]
    outputs = project.write("four-in-a-row", model, {"board": boards[sample]}, ["moves", "value"])
    samples = project.PROJECTS / "four-in-a-row" / "samples"
    labels = values[sample].argmax(1).astype(np.int64)
    project.save(samples / "boards.npy", boards[sample])
    project.save(samples / "labels.npy", labels)
    print(f"samples: {len(labels)}, accuracy {(outputs['moves'].argmax(1) == labels).mean():.4f}")
    rng = np.random.default_rng(0)
    for opponent in (random_player, attentive_player):
        results = [play(session, opponent, rng) for _ in range(GAMES)]
        print(f"against {opponent.__name__}: {results.count(1)} won, {results.count(0)} drawn, {results.count(-1)} lost")


if __name__ == "__main__":
    main()
