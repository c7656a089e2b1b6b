"""Stage 2: which inequality between books holds, kept incrementally and judged on best prices.

Detection works on the settled best prices of a relation's legs. The sums are whole numbers, so
they never drift; an update is O(1) for a group and touches only the relations of one market.
"""

from polyarb.engine.detect.fees import edge_net
from polyarb.engine.detect.guards import Look, guard, legs_of
from polyarb.engine.detect.sums import DETECTORS, build_watches, update_leg

__all__ = ["DETECTORS", "Look", "build_watches", "edge_net", "guard", "legs_of", "update_leg"]
