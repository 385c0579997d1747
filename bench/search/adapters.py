"""The other tuners behind one interface, each with the settings that it has when nothing is chosen.

A space is the list of parameters of a problem (problems.py). An adapter has

    ask()                    a token of its own and a point: one number per parameter, lists by index
    tell(token, point, y)    y is to be minimised; NaN: the trial failed; with several objectives a list

A list of ordered numbers is given to the peers as an integer, the place in the list: with the steps of the lists
here it is the scale that suits them. Conditional spaces: Optuna's TPE has define-by-run and uses it, with its
`group` option; the others see a flat space in which the inactive parameters have no effect.
"""
import logging
import math
import os
import random
import tempfile
import warnings
from importlib import metadata


class Unable(Exception):
    """This peer does not do such problems."""


def _bounds(p):
    """Of a parameter that is a number to the peer."""
    return (0, len(p["values"]) - 1) if "values" in p else (p["min"], p["max"])


def _integer(p):
    return p["type"] in ("int", "discrete")


def _log(p):
    return bool(p.get("log"))


def _categorical(p):
    return p["type"] == "categorical"


class Worst:
    """What is told of a failed trial to those who have no notion of it: the worst value so far."""

    def __init__(self):
        self.value = -math.inf

    def __call__(self, y):
        if math.isnan(y):
            return self.value if math.isfinite(self.value) else 0.0
        self.value = max(self.value, y)
        return y


# ---- Optuna ------------------------------------------------------------------------------------------

class Optuna:
    several = True

    def __init__(self, problem, seed):
        import optuna
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.optuna, self.problem, self.seed = optuna, problem, seed
        self.study = optuna.create_study(sampler=self.sampler(optuna.samplers),
                                         directions=["minimize"] * max(1, len(problem.several)))
        self.names = [f"x{j}" for j in range(len(problem.parameters))]

    def distribution(self, p):
        d = self.optuna.distributions
        if _categorical(p):
            return d.CategoricalDistribution(range(len(p["values"])))
        low, high = _bounds(p)
        if _integer(p):
            return d.IntDistribution(int(low), int(high), log=_log(p))
        return d.FloatDistribution(low, high, log=_log(p))

    def ask(self):
        trial = self.study.ask(dict(zip(self.names, map(self.distribution, self.problem.parameters))))
        return trial, [trial.params[name] for name in self.names]

    def prefill(self, points, values):
        """Trials that ended before: what to time suggestions after."""
        create, distributions = self.optuna.trial.create_trial, list(map(self.distribution, self.problem.parameters))
        for point, y in zip(points, values):
            shown = {n: int(v) if d.__class__.__name__ != "FloatDistribution" else v
                     for n, v, d in zip(self.names, point, distributions)}
            self.study.add_trial(create(params=shown, distributions=dict(zip(self.names, distributions)), value=y))

    def tell(self, token, _point, y):
        if not isinstance(y, list) and math.isnan(y):
            self.study.tell(token, state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(token, y)


class OptunaTPE(Optuna):
    def sampler(self, samplers):
        return samplers.TPESampler(seed=self.seed, group=self.problem.conditional)

    def ask(self):
        if not self.problem.conditional:
            return super().ask()
        trial, point = self.study.ask(), []
        for name, p in zip(self.names, self.problem.parameters):
            inactive = "when" in p and point[p["when"]["parameter"]] not in p["when"]["values"]
            point.append(math.nan if inactive else trial._suggest(name, self.distribution(p)))
        return trial, point


class OptunaGP(Optuna):
    def sampler(self, samplers):
        return samplers.GPSampler(seed=self.seed)


class OptunaNSGA2(Optuna):
    def sampler(self, samplers):
        if not self.problem.several:
            raise Unable
        return samplers.NSGAIISampler(seed=self.seed)


class OptunaCMA(Optuna):
    several = False

    def sampler(self, samplers):
        if not self.problem.numeric:
            raise Unable
        return samplers.CmaEsSampler(seed=self.seed, warn_independent_sampling=False)


# ---- scikit-optimize, as Katib runs it ----------------------------------------------------------------

class Skopt:
    def __init__(self, problem, seed):
        import skopt
        from skopt.space import Categorical, Integer, Real
        dimensions = []
        for p in problem.parameters:
            if _categorical(p):
                dimensions.append(Categorical(list(range(len(p["values"])))))
            else:
                low, high = _bounds(p)
                prior = "log-uniform" if _log(p) else "uniform"
                dimensions.append(Integer(int(low), int(high), prior=prior) if _integer(p) else
                                  Real(low, high, prior=prior))
        self.optimizer = skopt.Optimizer(dimensions, base_estimator="GP", n_initial_points=10, acq_func="gp_hedge",
                                         random_state=seed)
        self.worst = Worst()

    def ask(self):
        x = self.optimizer.ask()
        return x, [float(v) for v in x]

    def tell(self, token, _point, y):
        self.optimizer.tell(token, self.worst(y))


# ---- hyperopt ----------------------------------------------------------------------------------------

class Hyperopt:
    def __init__(self, problem, seed):
        import hyperopt
        import numpy
        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self.hyperopt, self.problem = hyperopt, problem
        self.seeds = numpy.random.default_rng(seed)
        self.space = {f"x{j}": self.expression(f"x{j}", p) for j, p in enumerate(problem.parameters)}
        self.domain = hyperopt.Domain(lambda _: 0.0, self.space)
        self.trials = hyperopt.Trials()
        self.worst = Worst()

    def expression(self, name, p):
        hp = self.hyperopt.hp
        if _categorical(p):
            return hp.choice(name, list(range(len(p["values"]))))
        low, high = _bounds(p)
        if _log(p):
            edge = 0.5 if _integer(p) else 0.0
            span = math.log(low - edge), math.log(high + edge)
            return hp.qloguniform(name, *span, 1) if _integer(p) else hp.loguniform(name, *span)
        return hp.quniform(name, low - 0.5, high + 0.5, 1) if _integer(p) else hp.uniform(name, low, high)

    def ask(self):
        ids = self.trials.new_trial_ids(1)
        self.trials.refresh()
        document = self.hyperopt.tpe.suggest(ids, self.domain, self.trials, int(self.seeds.integers(2**31 - 1)))[0]
        values, point = document["misc"]["vals"], []
        for j, p in enumerate(self.problem.parameters):
            v = float(values[f"x{j}"][0])
            if not _categorical(p):
                low, high = _bounds(p)
                v = min(max(round(v) if _integer(p) else v, low), high)
            point.append(v)
        return document, point

    def tell(self, token, _point, y):
        token["state"] = self.hyperopt.JOB_STATE_DONE
        token["result"] = {"loss": self.worst(y), "status": self.hyperopt.STATUS_OK}
        self.trials.insert_trial_docs([token])
        self.trials.refresh()


# ---- cmaes: the library under Optuna's sampler, with its margin for integers ---------------------------

class Cmaes:
    def __init__(self, problem, seed):
        import cmaes
        import numpy
        if not problem.numeric:
            raise Unable
        self.numpy, self.problem, self.worst = numpy, problem, Worst()
        edges = numpy.array([self.edges(p) for p in problem.parameters], dtype=float)
        steps = numpy.array([1.0 if _integer(p) and not _log(p) else 0.0 for p in problem.parameters])
        self.scale = numpy.where(steps > 0, 1.0, edges[:, 1] - edges[:, 0])
        self.low = numpy.where(steps > 0, 0.0, edges[:, 0])
        bounds = (edges - self.low[:, None]) / self.scale[:, None]
        sigma = (bounds[:, 1] - bounds[:, 0]) / 6
        common = {"mean": bounds.mean(axis=1), "sigma": 1.0, "bounds": bounds, "cov": numpy.diag(sigma**2),
                  "seed": seed}
        self.optimizer = cmaes.CMAwM(**common, steps=steps) if steps.any() else cmaes.CMA(**common)
        self.margin, self.generation = bool(steps.any()), []

    @staticmethod
    def edges(p):
        low, high = _bounds(p)
        if not _log(p):
            return low, high
        edge = 0.5 if _integer(p) else 0.0
        return math.log(low - edge), math.log(high + edge)

    def ask(self):
        x = self.optimizer.ask()
        shown, token = x if self.margin else (x, x)
        point = []
        for v, p in zip(self.low + shown * self.scale, self.problem.parameters):
            low, high = _bounds(p)
            v = math.exp(v) if _log(p) else float(v)
            point.append(min(max(round(v) if _integer(p) else v, low), high))
        return token, point

    def tell(self, token, _point, y):
        self.generation.append((token, self.worst(y)))
        if len(self.generation) == self.optimizer.population_size:
            self.optimizer.tell(self.generation)
            self.generation = []


# ---- Ax over BoTorch -----------------------------------------------------------------------------------

class Ax:
    def __init__(self, problem, seed):
        import torch
        logging.disable(logging.CRITICAL)
        torch.set_num_threads(1)
        from ax.api.client import Client
        from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
        parameters = []
        for j, p in enumerate(problem.parameters):
            if _categorical(p):
                parameters.append(ChoiceParameterConfig(name=f"x{j}", parameter_type="str", is_ordered=False,
                                                        values=[str(k) for k in range(len(p["values"]))]))
            else:
                parameters.append(RangeParameterConfig(name=f"x{j}", bounds=_bounds(p),
                                                       parameter_type="int" if _integer(p) else "float",
                                                       scaling="log" if _log(p) else None))
        self.client, self.n = Client(random_seed=seed), len(parameters)
        self.client.configure_experiment(parameters=parameters)
        self.client.configure_optimization(objective="-y")

    def ask(self):
        (token, values), = self.client.get_next_trials(max_trials=1).items()
        return token, [float(values[f"x{j}"]) for j in range(self.n)]

    def tell(self, token, _point, y):
        if math.isnan(y):
            self.client.mark_trial_failed(trial_index=token)
        else:
            self.client.complete_trial(trial_index=token, raw_data={"y": y})


# ---- HEBO ----------------------------------------------------------------------------------------------

class Hebo:
    def __init__(self, problem, seed):
        import numpy
        import torch
        logging.disable(logging.CRITICAL)
        torch.set_num_threads(1)
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO
        numpy.random.seed(seed)
        random.seed(seed)
        torch.manual_seed(seed)
        space = DesignSpace().parse([self.row(f"x{j}", p) for j, p in enumerate(problem.parameters)])
        self.numpy, self.parameters, self.worst = numpy, problem.parameters, Worst()
        self.optimizer = HEBO(space, scramble_seed=seed)

    @staticmethod
    def row(name, p):
        if _categorical(p):
            return {"name": name, "type": "cat", "categories": [str(k) for k in range(len(p["values"]))]}
        low, high = _bounds(p)
        if _log(p):
            kind = {"type": "pow_int" if _integer(p) else "pow", "base": 10}
        else:
            kind = {"type": "int" if _integer(p) else "num"}
        return {"name": name, "lb": low, "ub": high, **kind}

    def ask(self):
        rows = self.optimizer.suggest(1)
        point = []
        for j, p in enumerate(self.parameters):
            v = float(rows.iloc[0][f"x{j}"])
            if not _categorical(p):
                low, high = _bounds(p)
                v = min(max(round(v) if _integer(p) else v, low), high)
            point.append(v)
        return rows, point

    def tell(self, token, _point, y):
        self.optimizer.observe(token, self.numpy.array([[self.worst(y)]]))


# ---- SMAC: the forest, which is its default for spaces with categories, and the Gaussian process -------

class Smac:
    facade = "HyperparameterOptimizationFacade"

    def __init__(self, problem, seed):
        from pathlib import Path
        import smac
        from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer
        logging.disable(logging.CRITICAL)
        self.problem, self.worst = problem, Worst()
        self.folder = tempfile.TemporaryDirectory(prefix="smac-")
        space = ConfigurationSpace(seed=seed)
        for j, p in enumerate(problem.parameters):
            if _categorical(p):
                space.add(Categorical(f"x{j}", [str(k) for k in range(len(p["values"]))]))
            else:
                space.add((Integer if _integer(p) else Float)(f"x{j}", _bounds(p), log=_log(p)))
        scenario = smac.Scenario(space, deterministic=not problem.noisy, n_trials=1000, seed=seed,
                                 output_directory=Path(self.folder.name))
        self.optimizer = getattr(smac, self.facade)(scenario, lambda config, seed=0: 0.0, overwrite=True,
                                                    logging_level=False)

    def ask(self):
        info = self.optimizer.ask()
        return info, [float(info.config[f"x{j}"]) for j in range(len(self.problem.parameters))]

    def tell(self, token, _point, y):
        from smac.runhistory.dataclasses import TrialValue
        self.optimizer.tell(token, TrialValue(cost=self.worst(y), time=0.1))


class SmacGP(Smac):
    facade = "BlackBoxFacade"


PEERS = {
    "optuna-tpe": OptunaTPE,
    "optuna-gp": OptunaGP,
    "optuna-nsga2": OptunaNSGA2,
    "optuna-cmaes": OptunaCMA,
    "skopt": Skopt,
    "hyperopt": Hyperopt,
    "cmaes": Cmaes,
    "ax": Ax,
    "hebo": Hebo,
    "smac": Smac,
    "smac-gp": SmacGP,
}
PACKAGES = {
    "optuna-tpe": "optuna", "optuna-gp": "optuna", "optuna-nsga2": "optuna", "optuna-cmaes": "optuna",
    "skopt": "scikit-optimize", "hyperopt": "hyperopt", "cmaes": "cmaes", "ax": "ax-platform", "hebo": "HEBO",
    "smac": "smac", "smac-gp": "smac",
}


def version(who):
    """The release of the peer that is installed here, or None."""
    try:
        return metadata.version(PACKAGES[who])
    except metadata.PackageNotFoundError:
        return None


def make(who, problem, seed):
    warnings.filterwarnings("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    if problem.several and not getattr(PEERS[who], "several", False):
        raise Unable
    return PEERS[who](problem, seed)
