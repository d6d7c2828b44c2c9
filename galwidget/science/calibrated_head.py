"""Light heads on a few dozen numbers a galaxy: a class with probabilities, and a number with an error, that come true."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["CategoryHead", "NumberHead"]

#: Folds of the cross-validations that find the temperature of probabilities and the size of errors.
_FOLDS = 4
#: Few leaves and slow: a few thousand galaxies teach no more.
_TREES: dict[str, Any] = {"max_iter": 120, "learning_rate": 0.05, "max_leaf_nodes": 6, "l2_regularization": 10, "min_samples_leaf": 30}
#: No number is known better than to a thousandth.
_LEAST_VARIANCE = 1e-6


class CategoryHead:
    """Logistic regression and boosted trees with one vote each, their temperature set by cross-validation.

    The two err differently: the regression sees all numbers and takes them linearly, the trees see the few that matter most and take them
    as they are, missing ones too. One temperature for all probabilities (Guo et al. 2017, https://arxiv.org/abs/1706.04599) then makes them
    as sure as they are right.

    Parameters
    ----------
    inputs
        Numbers of each galaxy, (n, column); NaN where there is none.
    labels
        Its class, (n,).
    narrow
        The first so many columns are all that the trees see.
    seed
        Of the trees.

    Raises
    ------
    ValueError
        A class has fewer than 4 galaxies: there is none for each fold.
    """

    def __init__(self, inputs: np.ndarray, labels: np.ndarray, narrow: int, seed: int = 0) -> None:
        from sklearn.calibration import CalibratedClassifierCV  # noqa: PLC0415 (heavy, and only where something is classified)
        from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier  # noqa: PLC0415
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
        from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415

        found, counts = np.unique(labels, return_counts=True)
        if counts.min() < _FOLDS or len(found) < 2:
            raise ValueError(
                f"the galaxies to learn from have {dict(zip(found.tolist(), counts.tolist(), strict=True))} of each class; "
                f"give two classes or more, with at least {_FOLDS} of each"
            )
        trees = HistGradientBoostingClassifier(**_TREES, random_state=seed)
        regression = _linear(LogisticRegression(C=0.3, max_iter=2000))
        vote = VotingClassifier([("regression", regression), ("trees", _narrow(trees, narrow))], voting="soft")
        self._head: Any = CalibratedClassifierCV(
            vote, method="temperature", cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=seed), ensemble=False
        ).fit(inputs, labels)

    @property
    def classes(self) -> np.ndarray:
        """The classes, in the order of the columns of `probabilities`."""
        return np.asarray(self._head.classes_)

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Of each class, (n, class), for the numbers of n galaxies, (n, column)."""
        return np.asarray(self._head.predict_proba(inputs)) if len(inputs) else np.zeros((0, len(self.classes)))


class NumberHead:
    """Ridge regression and boosted trees, averaged, and a second set of trees for the variance of what they miss.

    The variance is learnt from the squared errors of a cross-validation, with the deviance of a gamma distribution: its mean is right
    whatever the errors' distribution.

    Parameters
    ----------
    inputs, narrow, seed
        As `CategoryHead` takes them.
    values
        The number of each galaxy, (n,).
    """

    def __init__(self, inputs: np.ndarray, values: np.ndarray, narrow: int, seed: int = 0) -> None:
        from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor  # noqa: PLC0415 (as above)
        from sklearn.linear_model import Ridge  # noqa: PLC0415
        from sklearn.model_selection import KFold, cross_val_predict  # noqa: PLC0415

        trees = HistGradientBoostingRegressor(**_TREES, random_state=seed)
        mean = VotingRegressor([("regression", _linear(Ridge(30.0))), ("trees", _narrow(trees, narrow))])
        missed = cross_val_predict(mean, inputs, values, cv=KFold(_FOLDS, shuffle=True, random_state=seed)) - values
        self._mean: Any = mean.fit(inputs, values)
        variance = HistGradientBoostingRegressor(loss="gamma", **_TREES, random_state=seed)
        self._variance: Any = _narrow(variance, narrow).fit(inputs, np.maximum(missed**2, _LEAST_VARIANCE))

    def __call__(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation for the numbers of n galaxies, (n, column), both (n,)."""
        if not len(inputs):
            return np.zeros(0), np.zeros(0)
        return np.asarray(self._mean.predict(inputs)), np.sqrt(self._variance.predict(inputs))


def _linear(estimator: Any) -> Any:
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 (as above)
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), estimator)


def _narrow(trees: Any, columns: int) -> Any:
    from sklearn.compose import make_column_transformer  # noqa: PLC0415 (as above)
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    return make_pipeline(make_column_transformer(("passthrough", slice(0, columns))), trees)
