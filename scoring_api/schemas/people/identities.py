"""Schemas of identities: aliases, merges and splits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.identity.alias import AliasKind, AliasState
from scoring_api.schemas.suppressions import Name, Text
from scoring_api.schemas.values import GateName

Version = Annotated[int, Field(ge=0)]


class Identity(BaseModel):
    """An identifier and the agent that it belongs to, or may belong to.

    `since` is the time of the latest decision, which the next commit of the worker applies; null
    for a proposal. `version` counts the decisions about the identifier.
    """

    alias: str
    agent_id: str
    kind: AliasKind
    state: AliasState
    source: str
    since: str | None
    version: Version


class IdentityPage(BaseModel):
    """A page of identities, in order of the identifiers, with the cursor of the next one."""

    identities: list[Identity]
    next_cursor: str | None


class IdentityChange(BaseModel):
    """A merge or a split, and when it was asked for; the audit log says by whom, and why."""

    at: str
    change: Literal["merge", "split"]
    alias: str
    agent_id: str
    version: Version


class MergeRequest(BaseModel):
    """Which identifier is which agent, and why; `kind` is by default that of the proposal."""

    model_config = ConfigDict(extra="forbid")

    alias: Name
    agent_id: Name
    reason: Text
    kind: AliasKind | None = None


class SplitRequest(BaseModel):
    """Which identifier is an agent of its own again, and why."""

    model_config = ConfigDict(extra="forbid")

    alias: Name
    reason: Text


class RefuseRequest(BaseModel):
    """Which proposal is wrong, and why."""

    model_config = ConfigDict(extra="forbid")

    alias: Name
    agent_id: Name
    reason: Text


class IdentityAnswer(BaseModel):
    """What the decision does, and whether it is saved.

    `gate` is the gate that policy decision points see for the identifier afterwards.
    """

    alias: str
    agent_id: str
    kind: AliasKind
    action: Literal["merge", "split", "refuse_alias"]
    done: bool
    effect: str
    gate: GateName
    version: Version
