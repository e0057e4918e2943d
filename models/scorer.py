"""A loaded model that scores claims: vector, margin, probability, contributions, reasons, counterfactual."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from claims.scoring import CONTRACT, ClaimFacts, Counterfactual, ExplainedBy, OutOfRange, Score, ShadowScore
from features.errors import AttributeTypeError, UnknownFeatureError
from features.vector import (
    ClaimInputs,
    ClaimVectors,
    Reading,
    Readings,
    build_amounts,
    each_of,
    inputs_of,
    inputs_of_readings,
    vector_of,
    vectors_of,
)
from models.artefact import Artefact, require_reasons
from models.errors import CustomModelError, SchemaMismatchError
from models.explain import Explanation, Reasoner, nearest_lower_amount, rises_with_amount
from models.gain import GainPresent
from models.training_range import RangeCheck


@dataclass(frozen=True, slots=True)
class ClaimToScore:
    """One claim to score, with the feature rows read for it."""

    facts: ClaimFacts
    reading: Reading


@dataclass(frozen=True, slots=True)
class _Support:
    """How far the model applies to a vector: the gain available, and the features outside the training range."""

    gain_present: float
    out_of_range: list[OutOfRange]
    tail_features: int


class Scorer:
    """Scores claims with one verified model. Stateless; may be shared by threads."""

    def __init__(self, artefact: Artefact) -> None:
        try:
            schema = artefact.schema
        except UnknownFeatureError as error:
            raise SchemaMismatchError(f"model {artefact.version} needs {error}") from None
        self.artefact = artefact
        self.version = artefact.version
        self.manifest_sha256 = artefact.manifest_sha256
        self.schema = schema
        self._columns = schema.places
        self._vectors = ClaimVectors(schema) if schema.encoders else None
        self.reasoner = Reasoner(schema, artefact.document.typical)
        self._gain = GainPresent(artefact.model, schema)
        training = artefact.document.training_range
        self._rises_with_amount = rises_with_amount(schema, artefact.document.monotone)
        self._range = None if training is None else RangeCheck(schema, training)

    @property
    def explained_by(self) -> ExplainedBy:
        """Where its exact contributions come from. Raises `ShadowOnlyError` where it has none."""
        require_reasons(self.artefact.document)
        found = self.artefact.document.explained_by
        assert found != "none"
        return found

    def score(
        self,
        facts: ClaimFacts,
        reading: Reading,
        *,
        challenger: "Scorer | None" = None,
        counterfactual: bool = True,
    ) -> Score:
        """Score one claim. `challenger` adds the shadow score of another model for the same claim.

        Raises `AttributeTypeError` where an attribute has another type than the model was trained with.
        """
        x = inputs_of(facts, reading.states)
        full = vector_of(x)
        row = self._row(x, full, facts)
        margins, phi, base = self._explain(row.reshape(1, -1), threads=1)
        probability = self.artefact.calibrator.probability(float(margins[0]))
        lower = None
        if counterfactual and probability >= self.artefact.threshold:
            lower = self._nearest_lower_amount(facts, reading)
        return self._answer(
            facts,
            row.tolist(),
            margin=float(margins[0]),
            probability=probability,
            phi=phi[0].tolist(),
            base=base,
            explanation=self.reasoner.explain(x, row, phi[0], base),
            support=self._supports([x], row.reshape(1, -1))[0],
            feature_times=reading.feature_times,
            stale=list(reading.stale),
            counterfactual=lower,
            shadow=None if challenger is None else challenger.shadow(full, facts),
        )

    def score_many(
        self, claims: Sequence[ClaimToScore], *, challenger: "Scorer | None" = None, threads: int = 1
    ) -> list[Score]:
        """Score claims, in order; like `score`, but without a counterfactual."""
        return self.score_readings(
            [one.facts for one in claims],
            Readings.of([one.reading for one in claims]),
            challenger=challenger,
            threads=threads,
        )

    def score_readings(
        self,
        claims: Sequence[ClaimFacts],
        readings: Readings,
        *,
        challenger: "Scorer | None" = None,
        threads: int = 1,
    ) -> list[Score]:
        """As `score_many`, with the rows of the claims in columns."""
        if not claims:
            return []
        batch = inputs_of_readings(claims, readings)
        inputs = list(each_of(batch, claims))
        full = vectors_of(batch)
        rows = self._rows(inputs, full, claims)
        margins, phi, base = self._explain(rows, threads=threads)
        shadows: list[ShadowScore | None] = [None] * len(claims)
        if challenger is not None:
            shadows = [challenger.shadow(row, facts) for row, facts in zip(full, claims, strict=True)]
        each = zip(
            claims,
            rows.tolist(),
            margins.tolist(),
            phi.tolist(),
            self.reasoner.explain_many(inputs, rows, phi, base),
            self._supports(inputs, rows),
            readings.feature_times(),
            readings.stale_views(),
            shadows,
            strict=True,
        )
        return [
            self._answer(
                facts,
                row,
                margin=margin,
                probability=self.artefact.calibrator.probability(margin),
                phi=own,
                base=base,
                explanation=explanation,
                support=support,
                feature_times=times,
                stale=stale,
                counterfactual=None,
                shadow=shadow,
            )
            for facts, row, margin, own, explanation, support, times, stale, shadow in each
        ]

    def shadow(self, full: NDArray[np.float32], facts: ClaimFacts) -> ShadowScore | None:
        """Shadow score of a claim and its full vector (every built-in feature, in the order of `FEATURE_NAMES`).

        None where an attribute has another type than this model was trained with, or a model of the user's own fails:
        neither refuses the claim.
        """
        try:
            margin = float(self.margins(self.rows_of(full.reshape(1, -1), facts))[0])
        except (AttributeTypeError, CustomModelError):
            return None
        probability = self.artefact.calibrator.probability(margin)
        return ShadowScore(
            model_version=self.version,
            margin=margin,
            probability=probability,
            flagged=probability >= self.artefact.threshold,
        )

    def rows_of(self, full: NDArray[np.float32], facts: ClaimFacts) -> NDArray[np.float32]:
        """Vectors in this model's schema (N, F) from full vectors (N, every built-in feature) of one claim."""
        if self._vectors is None:
            return np.ascontiguousarray(full[:, self._columns])
        return self._vectors.of(full, facts)[0]

    def _row(self, x: ClaimInputs, full: NDArray[np.float32], facts: ClaimFacts) -> NDArray[np.float32]:
        """The vector (F,) of a claim; attributes that it does not state are added to what is missing in `x`."""
        if self._vectors is None:
            return full[self._columns]
        row, unknown = self._vectors.of(full, facts)
        if unknown:
            x.missing = [*x.missing, *unknown]
        return row

    def _rows(
        self, inputs: Sequence[ClaimInputs], full: NDArray[np.float32], claims: Sequence[ClaimFacts]
    ) -> NDArray[np.float32]:
        """The vectors (N, F) of several claims; as `_row`."""
        if self._vectors is None:
            return np.ascontiguousarray(full[:, self._columns])
        return np.stack([self._row(x, row, facts) for x, row, facts in zip(inputs, full, claims, strict=True)])

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Margins (N,) of vectors in this model's schema (N, F)."""
        return self.artefact.margins(rows)

    def probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probabilities (N,) of vectors in this model's schema (N, F)."""
        return self.artefact.calibrator.probabilities(self.margins(rows))

    def explain(
        self, rows: NDArray[np.float32], *, threads: int = 1
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
        """Margins (N,), contributions (N, F) and base margin of vectors in this model's schema."""
        return self._explain(rows, threads=threads)

    def _explain(
        self, rows: NDArray[np.float32], *, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
        explainer = self.artefact.explainer
        assert explainer is not None, self.explained_by
        margins, phi = explainer.explain_many(rows, threads=threads)
        return margins, phi, explainer.base_margin

    def _supports(self, inputs: Sequence[ClaimInputs], rows: NDArray[np.float32]) -> list[_Support]:
        """For the inputs of each claim and its vector in this model's schema (N, F)."""
        gains = [self._gain.of(x.missing) for x in inputs]
        if self._range is None:
            return [_Support(gain, [], 0) for gain in gains]
        return [_Support(gain, *found) for gain, found in zip(gains, self._range.findings(rows), strict=True)]

    def _nearest_lower_amount(self, facts: ClaimFacts, reading: Reading) -> Counterfactual | None:
        def probabilities_at(amounts: NDArray[np.int64]) -> NDArray[np.float64]:
            matrix = build_amounts(facts, reading.states, amounts)
            margins = self.margins(self.rows_of(matrix, facts)).tolist()
            # One at a time, so that the result is bit-identical to scoring the claim at that amount.
            return np.array([self.artefact.calibrator.probability(margin) for margin in margins])

        return nearest_lower_amount(
            facts.amount_cents, self.artefact.threshold, probabilities_at, rises=self._rises_with_amount
        )

    def _answer(
        self,
        facts: ClaimFacts,
        row: list[float],
        *,
        margin: float,
        probability: float,
        phi: list[float],
        base: float,
        explanation: Explanation,
        support: _Support,
        feature_times: dict[str, datetime | None],
        stale: list[str],
        counterfactual: Counterfactual | None,
        shadow: ShadowScore | None,
    ) -> Score:
        names = self.artefact.features
        values = [None if value != value else value for value in row]
        # Each field is computed here, and the caller checks the answer (`claims.score_check`): validated a second time,
        # a score takes three times as long.
        return Score.model_construct(
            contract=CONTRACT,
            claim_id=facts.claim_id,
            model_version=self.version,
            schema_hash=self.artefact.document.schema_hash,
            probability=probability,
            margin=margin,
            threshold=self.artefact.threshold,
            flagged=probability >= self.artefact.threshold,
            base_margin=base,
            contributions=dict(zip(names, phi, strict=True)),
            vector=dict(zip(names, values, strict=True)),
            typical_margin=explanation.typical_margin,
            groups=explanation.groups,
            reasons=explanation.reasons,
            counterfactual=counterfactual,
            feature_times=feature_times,
            stale_views=stale,
            gain_present=support.gain_present,
            out_of_range=support.out_of_range,
            tail_features=support.tail_features,
            tail_limit=None if self._range is None else self._range.tail_limit,
            explained_by=self.explained_by,
            shadow=shadow,
        )
