"""`python -m tests.bench NAME`: measurements that print ratios and write JSON; each has its correctness gate."""

import sys

from tests.bench import early_exit, engine, index, kernels, loop_study, policy, refactor, server, upcycle

BENCHES = {
    "early-exit": early_exit.main,
    "engine": engine.main,
    "index": index.main,
    "kernels": kernels.main,
    "loop-study": loop_study.main,
    "policy": policy.main,
    "refactor": refactor.main,
    "server": server.main,
    "upcycle": upcycle.main,
}


def main() -> int:
    name, *args = sys.argv[1:] or [""]
    if name not in BENCHES:
        print(f"usage: python -m tests.bench {{{','.join(BENCHES)}}} [options]", file=sys.stderr)
        return 2
    return BENCHES[name](args)


if __name__ == "__main__":
    raise SystemExit(main())
