"""What the peers run, the most valuable first: each row adds to what the rows before it have given."""
from collections import namedtuple

Row = namedtuple("Row", "who problems seeds trials parallel", defaults=(1,))

TABLES = ["tables/*"]
FUNCTIONS = ["functions/*"]
MIXED = ["mixed/*"]
# A sample with every kind of landscape and dimension; the full plan goes on to the rest.
BBOB = [f"bbob/f{f:02}-d05" for f in (1, 2, 6, 8, 10, 14, 15, 20, 21, 23)] + [
    f"bbob/f{f:02}-d{d}" for f, d in ((3, "02"), (8, "02"), (16, "02"), (21, "02"), (2, "10"), (8, "10"), (15, "10"),
                                      (22, "10"), (1, "20"), (7, "20"), (8, "20"))]
SURROGATES = [f"yahpo/lcbench-{task}" for task in (3945, 7593, 34539, 126025, 146212, 167104, 168908, 189354)] + [
    f"yahpo/rbv2-rpart-{task}" for task in (1040, 1067, 1489, 40981, 41146, 6)] + [
    "yahpo/iaml-glmnet-1067", "yahpo/iaml-glmnet-40981"] + ["curves/*"]
SAMPLE = TABLES + FUNCTIONS + MIXED + BBOB + SURROGATES
EVERYTHING = TABLES + FUNCTIONS + MIXED + ["bbob/*", "yahpo/*", "curves/*"]
DRAWS = ["draws/*"]
MULTI = ["multi/*"]
# What the slow peers run, at up to 27 s a suggestion.
SLOW = [f"functions/{f}" for f in (
    "branin", "hartmann-3", "hartmann-6", "ackley-5", "rosenbrock-4", "levy-4", "rastrigin-4", "michalewicz-5",
    "shekel-4", "styblinski-tang-5", "goldstein-price", "griewank-5")]
SLOW_SURROGATES = ["yahpo/lcbench-3945", "yahpo/rbv2-rpart-1040", "yahpo/iaml-glmnet-1067"]


def rounds(steps, *seeds):
    """Every step for a few seeds, then for the next few: whenever it is stopped, what is there is even."""
    return [row._replace(seeds=range(first, last + 1)) for first, last in seeds for row in steps]


# In brackets: hours of one core, on the machine of the kept times. Breadth first, so that few hours tell something
# of every set; then seeds.
FAST = [
    Row("optuna-tpe", TABLES + MIXED, range(1, 16), 200),               # (0.15)
    Row("optuna-gp", TABLES, range(1, 6), 100),                         # (0.08)
    Row("optuna-gp", MIXED, range(1, 2), 100),                          # (0.1)
    Row("skopt", TABLES, range(1, 2), 100),                             # (0.1)
    Row("optuna-tpe", DRAWS, range(1, 16), 200),                        # (0.02)
    Row("optuna-cmaes", TABLES + MIXED, range(1, 4), 200),              # (0.01)
    Row("optuna-tpe", MULTI, range(1, 4), 100),                         # (0.02)
    Row("optuna-nsga2", MULTI, range(1, 4), 100),                       # (0.01)
    Row("optuna-gp", MULTI, range(1, 2), 100),                          # (0.2)
    Row("skopt", MIXED, range(1, 2), 100),                              # (0.15)
    Row("optuna-tpe", SURROGATES, range(1, 4), 200),                    # (0.05)
    Row("optuna-cmaes", SURROGATES, range(1, 4), 200),                  # (0.01)
    Row("optuna-gp", SURROGATES, range(1, 2), 100),                     # (0.1)
    Row("optuna-gp", TABLES, range(1, 16), 100),                        # (0.2)
    Row("optuna-tpe", BBOB, range(1, 16), 200),                         # (0.05)
    *(Row("skopt", problems, range(1, 2), 100)                          # (0.5)
      for problems in (BBOB, FUNCTIONS, SURROGATES)),
    Row("optuna-tpe", FUNCTIONS + SURROGATES, range(1, 16), 200),       # (0.25)
    *(Row("optuna-gp", problems, range(1, 4), 100)                      # (1)
      for problems in (MIXED, BBOB, FUNCTIONS, SURROGATES, MULTI)),
    Row("skopt", TABLES + MIXED, range(2, 4), 100),                     # (0.5)
    Row("hyperopt", TABLES + MIXED, range(1, 4), 200),
    Row("cmaes", SAMPLE, range(1, 4), 200),
    Row("hyperopt", SAMPLE, range(1, 4), 200),
] + rounds([
    Row("optuna-cmaes", SAMPLE, None, 200),
    Row("cmaes", SAMPLE, None, 200),
    Row("optuna-gp", SAMPLE, None, 100),
    Row("hyperopt", SAMPLE, None, 200),
    Row("optuna-tpe", TABLES, None, 100, 8),
    Row("optuna-gp", TABLES, None, 100, 8),
    Row("skopt", SAMPLE, None, 100),
    Row("optuna-gp", TABLES + FUNCTIONS + MIXED, None, 200),
], (1, 3), (4, 5), (6, 10), (11, 15)) + rounds([
    Row("optuna-tpe", EVERYTHING, None, 200),
    Row("optuna-cmaes", EVERYTHING, None, 200),
    Row("optuna-gp", EVERYTHING, None, 200),
    Row("skopt", EVERYTHING, None, 200),
], (1, 5), (6, 15))

# A run takes 2 to 20 minutes: task by task for both, so that whenever it is stopped they have the same ones.
SLOWEST = [Row(who, [problem], range(seed, seed + 1), 50) for seed in (1, 2, 3)
           for problem in TABLES + SLOW_SURROGATES + SLOW for who in ("ax", "hebo")] + rounds([
    Row("smac", SLOW + TABLES, None, 100),
    Row("ax", MIXED, None, 50),
    Row("hebo", MIXED, None, 50),
], (1, 1), (2, 2), (3, 3))

# A look at the peers in a few minutes, where the kept curves are not at hand.
QUICK = [
    Row("optuna-tpe", TABLES + MIXED, range(1, 4), 100),
    Row("optuna-gp", TABLES, range(1, 2), 50),
]

PLANS = {"quick": QUICK, "fast": FAST, "slow": SLOWEST}
