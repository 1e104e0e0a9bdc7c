"""Trains the dishes example and writes it into templates/projects/dishes.

    python3.11 -m venv venv && venv/bin/pip install -r requirements.txt
    venv/bin/python train.py

The guests of an invented restaurant and their ratings are generated: each guest likes some properties of dishes and
dislikes others, is strict or generous, and rates what he likes more often. The model sees none of that, only who rated
what how. One rating in ten is held back.
"""

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import project

GUESTS = 300
FACTORS = 6
RATINGS = 30  # of a guest, about
ROUNDS = 40
TOP = 5
NOISE = 0.5  # the same guest and dish, another evening: standard deviation in stars

# Kind and main ingredient with their properties: hot, sweet, rich, meat, fish, fresh.
KINDS = {"soup": (0, 0, -1, 0, 0, 0), "curry": (2, 0, 1, 0, 0, 0), "salad": (0, 0, -2, 0, 0, 2), "stew": (0, 0, 1, 0, 0, -1),
         "pie": (0, 0, 2, 0, 0, -1), "noodles": (1, 0, 0, 0, 0, 0), "taco": (2, 0, 0, 0, 0, 1), "risotto": (0, 0, 2, 0, 0, 0),
         "sandwich": (-1, 0, 0, 0, 0, 0), "gratin": (-1, 0, 2, 0, 0, -1)}
INGREDIENTS = {"lentil": (0, 0, -1, 0, 0, 0), "tomato": (0, 1, -1, 0, 0, 1), "chicken": (0, 0, 0, 2, 0, 0),
               "beef": (0, 0, 1, 2, 0, -1), "salmon": (0, 0, 1, 0, 2, 0), "prawn": (1, 0, 0, 0, 2, 1),
               "mushroom": (0, 0, 1, 0, 0, 0), "pumpkin": (0, 2, 0, 0, 0, 0), "spinach": (0, 0, -1, 0, 0, 1),
               "potato": (-1, 0, 1, 0, 0, 0)}

GRAPH = f"""
dishes (int64[batch] guest, int64[batch] dish)
    => (float[batch] rating, int64[batch, {TOP}] best, float[batch, {TOP}] best_ratings) {{
    a_guest = Gather (guest_factors, guest)
    a_guest_bias = Gather (guest_bias, guest)
    a_dish = Gather (dish_factors, dish)
    a_dish_bias = Gather (dish_bias, dish)
    factor = Constant <value_ints = [1]> ()
    matches = Mul (a_guest, a_dish)
    match = ReduceSum <keepdims = 0> (matches, factor)
    biases = Add (a_guest_bias, a_dish_bias)
    estimate = Add (match, biases)
    least = Constant <value = float {{1.0}}> ()
    most = Constant <value = float {{5.0}}> ()
    rating = Clip (estimate, least, most)

    all_matches = MatMul (a_guest, all_dishes)
    bias_column = Unsqueeze (a_guest_bias, factor)
    all_biases = Add (all_matches, dish_bias)
    all_estimates = Add (all_biases, bias_column)
    is_rated = Gather (rated, guest)
    nothing = Constant <value = float {{0.0}}> ()
    not_rated = Where (is_rated, nothing, all_estimates)
    count = Constant <value_ints = [{TOP}]> ()
    best_estimates, best = TopK (not_rated, count)
    best_ratings = Clip (best_estimates, least, most)
}}
"""


def restaurant(rng):
    """Names of the dishes; guest, dish and rating of each rating."""
    names = [f"{ingredient} {kind}" for kind in KINDS for ingredient in INGREDIENTS]
    properties = np.array([np.add(k, i) for k in KINDS.values() for i in INGREDIENTS.values()], float)
    properties = (properties - properties.mean(0)) / properties.std(0)
    tastes = rng.normal(0, 0.35, (GUESTS, properties.shape[1]))
    tastes[rng.random(GUESTS) < 0.2, 3] = -1.5  # who does not eat meat
    quality = rng.normal(0, 0.3, len(names))
    strictness = rng.normal(0, 0.4, GUESTS)
    liking = 3.4 + tastes @ properties.T + quality + strictness[:, None]
    chance = 1 / (1 + np.exp(-(liking - 3)))
    chance *= RATINGS / chance.sum(1, keepdims=True)
    guest, dish = np.nonzero(rng.random(chance.shape) < chance)
    stars = liking[guest, dish] + rng.normal(0, NOISE, len(guest))
    return names, guest, dish, np.clip(np.round(stars), 1, 5).astype(np.float32)


def train(guest, dish, stars, rng):
    """Alternating least squares: with the dishes given, the best factors of a guest are the solution of a small linear
    system, and the other way round. The last factor of a guest is one, and so is the last but one of a dish: these are
    the biases."""
    mean = stars.mean()
    guests = rng.normal(0, 0.1, (GUESTS, FACTORS + 1))
    dishes = rng.normal(0, 0.1, (dish.max() + 1, FACTORS + 1))  # the last column is the bias
    penalty = np.diag([4.0] * FACTORS + [2.0])

    def solve(mine, theirs, my_index, their_index):
        for i in range(len(mine)):
            rows = my_index == i
            them = theirs[their_index[rows]]
            x = np.concatenate([them[:, :FACTORS], np.ones((len(them), 1))], 1)
            y = stars[rows] - mean - them[:, FACTORS]
            mine[i] = np.linalg.solve(x.T @ x + penalty, x.T @ y)

    for _ in range(ROUNDS):
        solve(guests, dishes, guest, dish)
        solve(dishes, guests, dish, guest)
    return {"guest_factors": guests[:, :FACTORS], "guest_bias": guests[:, FACTORS] + mean,
            "dish_factors": dishes[:, :FACTORS], "dish_bias": dishes[:, FACTORS]}


def rmse(estimates, stars):
    return float(np.sqrt(np.mean((estimates - stars) ** 2)))


def main():
    rng = np.random.default_rng(0)
    names, guest, dish, stars = restaurant(rng)
    held_back = rng.random(len(stars)) < 0.1
    weights = train(guest[~held_back], dish[~held_back], stars[~held_back], rng)
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    weights["all_dishes"] = weights["dish_factors"].T
    weights["rated"] = np.zeros((GUESTS, len(names)), bool)
    weights["rated"][guest[~held_back], dish[~held_back]] = True
    model = project.model_of(GRAPH, weights)

    mean = stars[~held_back].mean()
    print(f"{(~held_back).sum()} ratings train, {held_back.sum()} are held back, {len(names)} dishes, {GUESTS} guests")
    guest, dish, stars = guest[held_back], dish[held_back], stars[held_back]
    outputs = project.write("dishes", model, {"guest": guest, "dish": dish}, ["rating", "best"])
    folder = project.PROJECTS / "dishes" / "samples"
    for name, array in (("guest", guest), ("dish", dish), ("stars", stars.astype(np.int64))):
        project.save(folder / f"{name}.npy", array)
    (folder / "dishes.txt").write_text("\n".join(names) + "\n")
    print(f"RMSE {rmse(outputs['rating'], stars):.4f}, MAE {np.abs(outputs['rating'] - stars).mean():.4f}")
    biases = weights["guest_bias"][guest] + weights["dish_bias"][dish]
    print(f"RMSE of the mean {rmse(mean, stars):.4f}, of the biases alone {rmse(biases, stars):.4f}; noise {NOISE}")
    print("guest", guest[0], "may like", ", ".join(names[i] for i in outputs["best"][0]))


if __name__ == "__main__":
    main()
