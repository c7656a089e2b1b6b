"""How a report's page looks, in light and in dark and on paper."""

STYLE = """
:root { color-scheme: light dark;
  --paper: #f6f6f4; --card: #ffffff; --ink: #1b1e24; --soft: #5d6470; --line: #e3e5e9;
  --accent: #1f4fa3; --alarm: #a4161a; --alarm-paper: #fdecec;
  --s0: #6b7280; --s1: #1f6fd6; --s2: #12805c; --s3: #b45309; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #121418; --card: #1a1d23; --ink: #e7e9ec; --soft: #9ba3ae; --line: #2d313a;
  --accent: #8db4f2; --alarm: #ff8f8f; --alarm-paper: #3a1d20;
  --s0: #a3aab5; --s1: #6fb0ff; --s2: #4fd1a1; --s3: #f5b461; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 2.2rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; }
h1 { font-size: 1.7rem; margin: 0 0 .4rem; letter-spacing: -.015em; text-wrap: balance; }
h2 { font-size: 1.08rem; margin: 0 0 .7rem; letter-spacing: -.005em; }
h3 { font-size: .88rem; margin: 1.2rem 0 .4rem; color: var(--soft); font-weight: 600; }
.summary { margin: 0 0 1.4rem; }
.summary p { margin: .15rem 0; color: var(--soft); }
.summary p:first-child { color: var(--accent); font-weight: 600; font-size: 1.12rem; }
.alarm { background: var(--alarm-paper); color: var(--alarm); border: 1px solid currentColor;
  border-radius: .6rem; padding: .8rem 1rem; margin: 0 0 1.2rem; font-weight: 600; }
.alarm p { margin: .15rem 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.2rem, 1fr)); gap: .7rem;
  margin: 0 0 1.2rem; padding: 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .7rem .85rem; }
.tile .label { color: var(--soft); font-size: .78rem; }
.tile .value { font-size: 1.08rem; font-weight: 600; font-variant-numeric: tabular-nums;
  letter-spacing: -.01em; overflow-wrap: anywhere; }
.tile .note { color: var(--soft); font-size: .78rem; }
.tile.marked { border-color: var(--alarm); }
.tile.marked .value { color: var(--alarm); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: 1.1rem 1.2rem; margin: 0 0 1rem; }
section.marked { border-left: 4px solid var(--alarm); }
ul { margin: 0 0 .5rem; padding-left: 1.2rem; max-width: 78ch; }
li { margin: .12rem 0; overflow-wrap: anywhere; }
section.marked li { color: var(--alarm); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .34rem .8rem .34rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { font-weight: 600; color: var(--soft); font-size: .8rem; white-space: nowrap; }
td.number, th.number { text-align: right; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
tr:last-child td { border-bottom: 0; }
.empty { color: var(--soft); margin: 0 0 .4rem; }
figure { margin: .9rem 0 .4rem; }
figcaption { font-size: .88rem; font-weight: 600; color: var(--soft); margin: 0 0 .3rem; }
svg { display: block; width: 100%; max-width: 60rem; height: auto; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .zero, svg .base { stroke: var(--soft); stroke-width: 1; opacity: .6; }
svg .tick { fill: var(--soft); font-size: 11px; }
svg .axis { fill: var(--soft); font-size: 11.5px; font-weight: 600; }
svg .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .s0 { stroke: var(--s0); stroke-dasharray: 5 4; } svg .s1 { stroke: var(--s1); }
svg .s2 { stroke: var(--s2); } svg .s3 { stroke: var(--s3); stroke-dasharray: 2 3; }
svg .dot { stroke: none; stroke-dasharray: none; } svg .dot.s0 { fill: var(--s0); }
svg .dot.s1 { fill: var(--s1); } svg .dot.s2 { fill: var(--s2); } svg .dot.s3 { fill: var(--s3); }
.legend { margin: .3rem 0 0; font-size: .82rem; color: var(--soft); }
.key { margin-right: 1.1rem; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 1.3em; margin-right: .45em;
  vertical-align: middle; border-top: 3px solid; }
.key.s0::before { border-color: var(--s0); border-top-style: dashed; }
.key.s1::before { border-color: var(--s1); }
.key.s2::before { border-color: var(--s2); }
.key.s3::before { border-color: var(--s3); border-top-style: dotted; }
.absent { font-style: italic; }
@media print { body { padding: 0; background: none; } section, .tile { break-inside: avoid; } }
"""
