"""The one rule of the daemons that are killed: any number above five is told."""

RULES = """signature: jumps
title: A number above its limit
family: dynamics
why: [it was written there]
try: [nothing]
wrong_if: [never]
names:
  toy.high: {better: lower}
rules:
  - rule: high
    when: toy.high > 5
    severity: critical
    say: "{toy.high:.0f} is above 5"
"""
