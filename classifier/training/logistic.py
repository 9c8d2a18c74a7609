"""Logistic regression by Newton's method, to the last digit.

The loss is convex, and Newton's steps end where its gradient is as small as rounding lets it be: what is
learned from the same songs is the same, whatever the order in which a machine adds numbers up. Memory is
that of the design matrix and of a square one of its columns.
"""

from dataclasses import dataclass

import numpy as np

from classifier.arrays import Array64

STEPS = 60
ENOUGH = 1e-12
"""A step that makes the loss less by no more than so much of it is the last one."""
HALVINGS = 30
DAMPED = 1e-9
"""Of all rows together, added to what bends the loss along the offset, which no penalty bends."""


@dataclass(frozen=True)
class LogisticProblem:
    """What a logistic regression is fitted on.

    Attributes
    ----------
    x
        (rows, features).
    yes, no
        (rows,) what each row counts as one, and as none.
    penalty
        On half of the squared weights; the offset has none.
    start
        (rows,) log-odds that there are before the regression adds its own; or a number.
    """

    x: Array64
    yes: Array64
    no: Array64
    penalty: float
    start: Array64 | float = 0.0

    def loss(self, found: Array64) -> float:
        """Return the loss of weights and, last, an offset, (features + 1,)."""
        scores = self.start + self.x @ found[:-1] + found[-1]
        value = self.yes @ np.logaddexp(0, -scores) + self.no @ np.logaddexp(0, scores)
        return float(value + self.penalty / 2 * found[:-1] @ found[:-1])

    def step(self, found: Array64) -> Array64:
        """Return Newton's step from somewhere, (features + 1,)."""
        scores = self.start + self.x @ found[:-1] + found[-1]
        p = np.exp(-np.logaddexp(0, -scores))
        slope = self.no * p - self.yes * (1 - p)
        bend = (self.yes + self.no) * p * (1 - p)
        gradient = np.append(self.x.T @ slope + self.penalty * found[:-1], slope.sum())
        crossed = self.x.T @ bend
        whole = np.block([[self.x.T @ (self.x * bend[:, None]), crossed[:, None]], [crossed, bend.sum()]])
        whole[np.arange(len(found) - 1), np.arange(len(found) - 1)] += self.penalty
        whole[-1, -1] += DAMPED * float((self.yes + self.no).sum())
        return np.asarray(np.linalg.solve(whole, -gradient), np.float64)


def minimum(problem: LogisticProblem) -> Array64:
    """Return the weights and, last, the offset whose loss is least, (features + 1,)."""
    found = np.zeros(problem.x.shape[1] + 1)
    value = problem.loss(found)
    for _ in range(STEPS):
        step, before = problem.step(found), value
        for _ in range(HALVINGS):
            value = problem.loss(found + step)
            if value <= before:
                break
            step = step / 2
        else:
            return found
        found = found + step
        if before - value <= ENOUGH * abs(before):
            return found
    return found
