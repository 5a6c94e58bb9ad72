"""Run the benchmarks and print their figures; ``python -m bench wire pcsc`` runs only these."""

import argparse

from bench import counter, dictionary, issuance, pcsc, simulator, wire

BENCHMARKS = {
    "wire": wire.main,
    "dictionary": dictionary.main,
    "issuance": issuance.main,
    "simulator": simulator.main,
    "pcsc": pcsc.main,
    "counter": counter.main,
}


def main() -> None:
    """Run what was asked for, everything by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("which", nargs="*", choices=[[], *BENCHMARKS], help="which benchmarks; all by default")
    for name in parser.parse_args().which or BENCHMARKS:
        print(f"== {name}: {BENCHMARKS[name].__doc__}", flush=True)
        BENCHMARKS[name]()


if __name__ == "__main__":
    main()
