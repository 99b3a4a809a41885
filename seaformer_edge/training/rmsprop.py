"""TensorFlow's RMSprop, with which the published classifiers were trained."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class RMSpropTF(torch.optim.Optimizer):
    """RMSprop with epsilon inside the root and the learning rate inside the momentum.

    `torch.optim.RMSprop` adds epsilon outside the root. Where squared gradients are small compared
    with epsilon, its steps are many times longer.

    Args:
        params: parameters, or groups of them with "lr" and "weight_decay".
        lr: learning rate.
        alpha: decay of the running mean of squared gradients, which starts at 1.
        eps: added to that mean.
        momentum: decay of the running sum of steps.
        weight_decay: L2 penalty, added to the gradient.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.9,
        eps: float = 1e-3,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "momentum": momentum,
            "weight_decay": weight_decay,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["square_average"] = torch.ones_like(parameter)
                    state["momentum"] = torch.zeros_like(parameter)
                gradient = parameter.grad.add(parameter, alpha=group["weight_decay"])
                average, steps = state["square_average"], state["momentum"]
                average.lerp_(gradient.square(), 1 - group["alpha"])
                root = average.add(group["eps"]).sqrt_()
                steps.mul_(group["momentum"]).addcdiv_(gradient, root, value=group["lr"])
                parameter.sub_(steps)
        return loss
