"""Every requirement that polyarb holds itself to, in the order of its sources.

R rows follow RTS 6 by article, K rows the order of 16 October 2013 on Knight Capital. They bind
polyarb as a standard of quality; whether they bind its operator in law is not judged here.
"""

from polyarb.reports.requirements import MatrixRow, Requirement, Showing, Workings, match_row

_RISK = "tests/unit/engine/test_risk.py"
_CRASH = "tests/simulation/test_journal_crashes.py"
_LOADING = "tests/unit/config/test_loading.py"
_START = "tests/acceptance/test_start_command.py"


def matrix(workings: Workings) -> tuple[MatrixRow, ...]:
    """Hold every requirement against a workspace."""
    return tuple(match_row(requirement, workings) for requirement in REQUIREMENTS)


RULES: tuple[Requirement, ...] = (
    Requirement(
        id="R5",
        asks="a designated person authorises each deployment; what runs is what was authorised",
        does="every run journals the digests of its code and configuration; a live phase is "
        "refused without a record for exactly these",
        tests=(
            f"{_START}::test_a_live_phase_is_refused_for_safety",
            "tests/unit/config/test_relations.py::"
            "test_the_digest_changes_with_every_figure_and_relation",
        ),
        showings=(Showing.DIGESTS,),
        missing="a live phase that can be authorised at all",
    ),
    Requirement(
        id="R6/R7",
        asks="conformance with the venue is tested; tests are apart from production",
        does="shadow holds no key; every gateway passes one contract",
        tests=(
            "tests/contract/test_gateway_contract.py::"
            "test_every_order_ends_full_or_killed_and_every_match_gets_a_final_word",
        ),
        missing="conformance of orders with the venue itself",
    ),
    Requirement(
        id="R8",
        asks="limits on instruments, prices and orders, positions and venues are set beforehand",
        does="a profile without every figure of the envelope does not load; none is inherited",
        tests=(
            f"{_LOADING}::test_an_envelope_is_never_inherited",
            f"{_RISK}::test_a_limit_lets_through_at_it_and_refuses_one_beyond",
            "tests/simulation/test_engine_invariants.py::"
            "test_the_laws_hold_after_every_event_whatever_the_feed_does",
        ),
        showings=(Showing.ENVELOPE,),
    ),
    Requirement(
        id="R9",
        asks="a yearly self-assessment, drafted, audited, approved; deficiencies remedied",
        does="this matrix is made from the workspace on any day",
        tests=(
            "tests/unit/reports/test_compliance.py::"
            "test_every_requirement_is_listed_with_its_evidence_and_what_is_owed",
        ),
        showings=(Showing.JOURNAL,),
        missing="signatures of audit and management under it, and due dates that block",
    ),
    Requirement(
        id="R10",
        asks="stress of twice the peak of messages and volume",
        does="benchmarks measure the river and the live feed beyond their peaks",
        missing="a stress run that proves limits and alerts at twice the recorded peak",
    ),
    Requirement(
        id="R11",
        asks="a material change is reviewed by a designated person",
        does="risky changes of a profile need a confirmation by name and are recorded with it",
        tests=(
            "tests/unit/wiring/test_profile_changes.py::test_a_safe_change_is_applied_and_recorded",
            "tests/unit/wiring/test_profile_changes.py::"
            "test_an_edit_by_hand_is_recorded_with_the_risks_that_nobody_confirmed",
        ),
        missing="a second person; a change by hand is found and told, not prevented",
    ),
    Requirement(
        id="R12",
        asks="cancel any or all orders at once; know the algorithm and the trader of each",
        does="a halt cancels what is open and is latched; every order names plan, family, phase "
        "and run",
        tests=(
            "tests/unit/engine/test_engine.py::test_a_halt_cancels_and_a_resume_reconciles",
            f"{_START}::test_a_halt_reaches_the_running_process_and_a_resume_lifts_it",
            "tests/unit/reports/test_compliance.py::"
            "test_every_order_has_its_intent_its_family_its_phase_and_its_run",
        ),
        showings=(Showing.ORDERS, Showing.DRILL_HALT),
        missing="a kill at the venue that works while the loop stands still",
    ),
    Requirement(
        id="R13",
        asks="surveillance of all orders for manipulation",
        does="two orders of ours never meet in one book",
        tests=(f"{_RISK}::test_a_market_with_an_order_of_ours_under_way_is_left_alone",),
        missing="detection of layering and of the ratio of cancels to fills",
    ),
    Requirement(
        id="R14",
        asks="business continuity: drills of adverse scenarios, other means to manage positions",
        does="a killed process starts again and makes its run again; restores are drilled",
        tests=(
            f"{_START}::test_a_killed_process_leaves_a_journal_that_opens_and_replays",
            f"{_CRASH}::test_sixty_real_kills_lose_no_record_that_was_durable",
        ),
        showings=(Showing.DRILL_KILL, Showing.DRILL_RESTORE),
        missing="flat from a second machine with the runbook alone",
    ),
    Requirement(
        id="R15.1a",
        asks="price collars for an order and over a period",
        does="no order walks further from its best price than the profile allows",
        tests=(
            "tests/contract/test_gateway_contract.py::"
            "test_a_match_costs_no_more_than_the_limit_and_its_fee",
            "tests/unit/ledger/test_invariants.py::test_fills_beyond_shares_or_limit_are_told",
        ),
        missing="a collar over a period",
    ),
    Requirement(
        id="R15.1b/c",
        asks="the largest value and the largest volume of an order",
        does="each order and each plan is checked against its ceiling, at it and one beyond",
        tests=(f"{_RISK}::test_a_limit_lets_through_at_it_and_refuses_one_beyond",),
        showings=(Showing.ENVELOPE,),
    ),
    Requirement(
        id="R15.1d",
        asks="the largest number of messages",
        does="orders of a sliding minute are counted; cancels of a halt are exempt",
        tests=(f"{_RISK}::test_orders_of_a_sliding_minute_are_counted",),
        showings=(Showing.ENVELOPE,),
        missing="cancels in the count",
    ),
    Requirement(
        id="R15.2",
        asks="every order that was sent counts at once",
        does="a plan is reserved before its orders leave, and the record is durable before them",
        tests=(
            "tests/unit/test_runner.py::test_a_command_leaves_only_after_its_record_is_durable",
            "tests/unit/domain/test_approval.py::test_a_plan_reserves_what_all_its_orders_can_cost",
            f"{_CRASH}::test_a_kill_at_any_side_effect_loses_nothing_that_was_durable",
        ),
        showings=(Showing.JOURNAL, Showing.ENVELOPE),
    ),
    Requirement(
        id="R15.3",
        asks="repeated execution disables until a designated person enables it again",
        does="the breaker halts after broken sets; the halt is latched and only a person resumes",
        tests=(
            f"{_RISK}::test_the_breaker_trips_on_a_run_and_on_a_share_of_a_full_window",
            "tests/unit/wiring/test_latching_journal.py::test_only_the_engines_own_halt_is_latched",
            f"{_START}::test_a_latched_halt_holds_for_the_next_process",
        ),
        showings=(Showing.DRILL_BREAKER,),
        missing="a signature of the person who resumes",
    ),
    Requirement(
        id="R15.4/5",
        asks="limits follow capital; orders are blocked or canceled when they are at risk",
        does="what exceeds a limit is refused; a day that lost its limit opens nothing",
        tests=(f"{_RISK}::test_a_day_that_lost_its_limit_opens_nothing",),
        showings=(Showing.ENVELOPE,),
        missing="cancels when a limit is lowered below what is open",
    ),
    Requirement(
        id="R15.6",
        asks="an override is for one trade, temporary, and takes two people",
        does="there is no override: nothing gets past a limit",
        tests=(f"{_LOADING}::test_outside_the_profile_no_figure_can_be_loosened",),
    ),
    Requirement(
        id="R16.2",
        asks="monitoring by an independent risk function",
        does="the ledger and the reports are folded from the journal, apart from the engine",
        missing="a risk process with its own feed and its own reads of the venue",
    ),
    Requirement(
        id="R16.5",
        asks="alerts within five seconds",
        does="page-class rules are evaluated inside the trader and act before anybody is told",
        missing="proof of it in this matrix; the drill shows one alert",
        showings=(Showing.DRILL_ALERT,),
    ),
    Requirement(
        id="R17.1",
        asks="post-trade controls run all the time and lead to an orderly withdrawal",
        does="invariants are checked over every journal; a broken set is unwound",
        tests=(
            "tests/unit/ledger/test_ledger_properties.py::"
            "test_every_consistent_journal_keeps_every_invariant",
        ),
        showings=(Showing.LEDGER,),
        missing="a demotion by itself when they break",
    ),
    Requirement(
        id="R17.2-3",
        asks="exposure in real time, reconciled with the venue",
        does="a statement is reconciled with the ledger, position by position",
        tests=("tests/unit/ledger/test_reconcile.py::test_agreement_is_no_break",),
        showings=(Showing.LEDGER,),
        missing="the user channel and the chain as statements",
    ),
    Requirement(
        id="R17.4",
        asks="the largest position, by instrument and overall",
        does="open plans are capped by relation and overall, held sets of earlier runs included",
        tests=(
            f"{_RISK}::test_a_limit_lets_through_at_it_and_refuses_one_beyond",
            "tests/unit/engine/test_lifecycle.py::"
            "test_a_set_that_an_earlier_run_left_counts_against_every_limit",
        ),
        showings=(Showing.ENVELOPE,),
    ),
    Requirement(
        id="R18.4/5",
        asks="critical access is known, least and traced; yearly penetration tests",
        does="secrets are refused where others may read them; audits keep none",
        tests=(
            "tests/unit/config/test_environment.py::"
            "test_a_dotenv_with_secrets_that_others_may_read_is_refused",
            "tests/unit/wiring/test_profile_changes.py::test_the_audit_keeps_no_secret",
        ),
        missing="a list of principals and their last use; a penetration test",
    ),
    Requirement(
        id="R28",
        asks="each order is recorded at once and kept for five years",
        does="the intent is durable before the order leaves, in a chain that shows every change",
        tests=(
            "tests/unit/test_runner.py::test_a_command_leaves_only_after_its_record_is_durable",
            "tests/unit/cli/test_journal_commands.py::"
            "test_a_broken_chain_is_reported_up_to_the_break",
        ),
        showings=(Showing.JOURNAL, Showing.ORDERS),
        missing="a retention that refuses to delete before five years",
    ),
)
"""RTS 6, Delegated Regulation (EU) 2017/589."""

LESSONS: tuple[Requirement, ...] = (
    Requirement(
        id="K1",
        asks="every process runs the same code, or none trades",
        does="each run journals the digest of its code; evidence of other code does not count",
        tests=("tests/replay/test_replay.py::test_a_planted_change_of_a_figure_is_found",),
        showings=(Showing.DIGESTS,),
        missing="several processes compared before trading",
    ),
    Requirement(
        id="K2",
        asks="flags are never reused; dead strategies cannot be called",
        does="families are one enumeration; what a profile does not name is refused",
        tests=(
            f"{_RISK}::test_a_family_that_the_profile_does_not_name_is_refused",
            f"{_LOADING}::test_all_faults_of_all_files_are_told_together_with_the_nearest_key",
        ),
    ),
    Requirement(
        id="K3",
        asks="child orders never exceed their parent, at the last hop",
        does="fills stay within their intents; the ledger tells any that do not",
        tests=(
            "tests/unit/ledger/test_invariants.py::test_fills_beyond_shares_or_limit_are_told",
            "tests/contract/test_gateway_contract.py::"
            "test_every_order_ends_full_or_killed_and_every_match_gets_a_final_word",
        ),
        showings=(Showing.LEDGER,),
        missing="the check at the signer of a live gateway",
    ),
    Requirement(
        id="K4",
        asks="an error before the open blocks, it is no line in a log",
        does="a configuration with any fault does not start; books open only once reconciled",
        tests=(
            "tests/acceptance/test_profiles_commands.py::"
            "test_check_tells_every_fault_of_every_file_once",
            "tests/unit/engine/test_engine.py::test_a_boot_reconciles_and_only_then_trades",
        ),
    ),
    Requirement(
        id="K5",
        asks="a breaker on orders sent per intent",
        does="every order is intended once, by one plan, and the ledger tells a repeat",
        tests=("tests/unit/ledger/test_invariants.py::test_sound_lives_break_nothing",),
        showings=(Showing.LEDGER,),
        missing="a breaker that acts on the ratio",
    ),
    Requirement(
        id="K6",
        asks="limits stand at the signer; an unknown account or position halts",
        does="limits stand in the engine; what an earlier run held is adopted and counts",
        tests=(
            "tests/unit/engine/test_lifecycle.py::"
            "test_a_set_that_an_earlier_run_left_counts_against_every_limit",
        ),
        missing="a signer with limits of its own",
    ),
    Requirement(
        id="K7",
        asks="the lag of monitoring is a limit itself",
        does="stale books are not decided on; a stuck process is noticed from its progress",
        tests=(
            "tests/unit/engine/test_episodes.py::"
            "test_stale_content_censors_the_episodes_of_every_relation_of_the_book",
        ),
        showings=(Showing.DRILL_WATCHDOG,),
        missing="a halt on the lag of monitoring",
    ),
    Requirement(
        id="K8",
        asks="the first act in an incident is to stop",
        does="a request that cannot be understood halts; a halt is obeyed in idle moments",
        tests=(
            "tests/unit/store/test_control.py::test_a_request_that_cannot_be_understood_halts",
            "tests/unit/test_runner_live.py::test_a_halt_is_obeyed_in_the_next_idle_moment",
        ),
        showings=(Showing.DRILL_HALT,),
    ),
    Requirement(
        id="K9",
        asks="a rollback passes the same gates",
        does="a profile is rolled back through the same checks as any change",
        tests=(
            "tests/unit/wiring/test_profile_changes.py::"
            "test_a_rollback_that_cannot_restore_the_figures_is_refused",
        ),
        missing="a rollback of code",
    ),
)
"""Knight Capital, SEC release 34-70694."""

REQUIREMENTS: tuple[Requirement, ...] = (*RULES, *LESSONS)
