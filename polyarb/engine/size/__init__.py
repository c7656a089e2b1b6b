"""Stage 3: how many sets of a problem to trade, what they earn for certain, and why not more.

Whole numbers only. The answer is the exact optimum of the plan format, the smallest quantity on
ties, with one reason.
"""

from polyarb.engine.size.joint import size_joint
from polyarb.engine.size.programme import load_solver
from polyarb.engine.size.sizer import size
from polyarb.engine.size.steps import cost_steps

__all__ = ["cost_steps", "load_solver", "size", "size_joint"]
