"""`python -m benchmarks.sampling_coverage`: what it counts, and that bounds without a warning keep their confidence."""

from benchmarks.sampling_coverage import FAMILIES, measure, measure_family, pooled


def test_each_family_is_sampled_and_bounds_cover_as_often_as_the_page_states():
    found = measure(universes=2 * len(FAMILIES), seeds=10)
    assert set(found) == set(FAMILIES)
    assert all(one.samples == 20 for one in found.values())
    everything = pooled(list(found.values()))
    assert everything.samples == 20 * len(FAMILIES)
    assert everything.coverage >= 0.88
    assert everything.covered < everything.samples


def test_the_family_whose_bounds_fail_is_warned_about():
    failing = measure_family("one_price_mostly_denied", range(40), seeds=5)
    assert failing.coverage < 0.9
    assert failing.unwarned_coverage in (None, 1.0)
    assert failing.as_json()["reached"] is False
