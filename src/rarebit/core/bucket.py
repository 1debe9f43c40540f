"""Results that add records up: of a bucket, of an influencer, of all jobs together. Names are Elastic's."""

from __future__ import annotations

import msgspec


class BucketInfluencer(msgspec.Struct, frozen=True, kw_only=True):
    """The strongest value of one field in a bucket."""

    influencer_field_name: str
    anomaly_score: float
    initial_anomaly_score: float
    probability: float


class Bucket(msgspec.Struct, frozen=True, kw_only=True):
    """All records of a job in one bucket as one. Names are Elastic's where it has them."""

    job_id: str
    timestamp: str
    bucket_span: int
    """Seconds."""
    anomaly_score: float
    """0 to 100, of ``expected_per_week``."""
    initial_anomaly_score: float
    """Of what its records were first given."""
    probability: float
    """Chance of a bucket at least this extreme: expected number over buckets a week."""
    expected_per_week: float
    """How many buckets a week at least this extreme are to be expected at most, whatever depends on what."""
    initial_expected_per_week: float
    event_count: int
    """Events of the job in the bucket."""
    record_count: int
    learning: bool = False
    """Whether all its records are of the learning time."""
    bucket_influencers: tuple[BucketInfluencer, ...] = ()
    is_interim: bool = False


class InfluencerResult(msgspec.Struct, frozen=True, kw_only=True):
    """One value of an influencer in one bucket of a job: the records that it explains, as one."""

    job_id: str
    influencer_field_name: str
    influencer_field_value: str
    timestamp: str
    bucket_span: int
    influencer_score: float
    """0 to 100, of ``expected_per_week``."""
    initial_influencer_score: float
    probability: float
    expected_per_week: float
    initial_expected_per_week: float
    record_ids: tuple[str, ...]
    is_interim: bool = False


class JobInBucket(msgspec.Struct, frozen=True, kw_only=True):
    """One job's part of an overall bucket."""

    job_id: str
    max_anomaly_score: float


class OverallBucket(msgspec.Struct, frozen=True, kw_only=True):
    """The buckets of all jobs in one stretch of time as one."""

    timestamp: str
    bucket_span: int
    overall_score: float
    expected_per_week: float
    jobs: tuple[JobInBucket, ...]
    is_interim: bool = False
