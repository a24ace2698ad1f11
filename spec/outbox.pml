/*
 * The relay: how several processes deliver the events of two users from one partition of the outbox to one destination.
 *
 * A process that finds due entries leases the partition, reads the first entries of each user, delivers them one after the other, and records
 * what became of them only while it still has the lease. Every step of this may be followed by a step of any other process, by the passing of
 * time, or by the end of the process. The rules are those of src/outbox/. docs/verification.md says what is assumed.
 *
 * cspell:ignore ifndef mtype proctype DDEFECT DSAFETY DPAUSES
 *
 * Every step prints a line of JSON, which the replay in test/specification/ makes with the code.
 *
 * Explore it:   spin -a outbox.pml && gcc -O2 -DSAFETY -DCOLLAPSE -o pan pan.c && ./pan -m1000000 -N all_of_these
 */

/* Times count deliveries: one takes at most DELIVERY. */
#define DELIVERY 1
#define LEASE    3    /* how long a lease lasts after it was renewed */

#define RELAYS       2
#define EVENTS       3
#define MAX_ATTEMPTS 2

#ifndef PAUSES
#define PAUSES 0
#endif

/* What may go wrong: -DSCENARIO=CRASH. Only the first has two users: with failures, they would be too many states. */
#ifndef SCENARIO
#define SCENARIO CRASH
#endif
#define CRASH             1
#define FAILURES          2
#define CRASH_AND_FAILURE 3
#define MAX_CRASHES  (SCENARIO == CRASH || SCENARIO == CRASH_AND_FAILURE)
#define MAX_FAILURES (SCENARIO == CRASH -> 0 : (SCENARIO == CRASH_AND_FAILURE -> 1 : 2))
#define isOneUser    (SCENARIO != CRASH)

/* The safeguards that can be taken away, one at a time: -DDEFECT=LEASE_NOT_RENEWED. */
#ifndef DEFECT
#define DEFECT 0
#endif
#define LEASE_TAKEN_OVER_AT_ONCE   1
#define LEASE_WITHOUT_CONDITION    2
#define LEASE_TIMED_FROM_THE_REPLY 3
#define LEASE_NOT_RENEWED          4
#define REMOVED_BEFORE_DELIVERY    5
#define FAILED_ENTRY_SKIPPED       6
#define RUN_CONTINUES_AFTER_FAILURE 7
#define DEAD_LETTER_TOO_EARLY      8

/* Events 0 and 1 are those of one user, in that order; 2 is another user's. */

/* An entry. A waiting one is due; one that failed is due again some time later. */
mtype = { not_stored, waiting, failed, dead_letter, removed };
mtype entry[EVENTS] = not_stored;
byte attempts[EVENTS];

/* What the destination knows. */
bool taken[EVENTS];

/* The lease: 0, or the token of its holder. A new one is unlike every earlier one. */
#define TOKENS 2
#define tokenOf(p) (1 + (p) * TOKENS + serial[p])
byte lease;
byte serial[RELAYS];
/* The token that a process has read. */
byte seen[RELAYS];
#define STALE 255

/* The monotonic clocks of the processes, as the times since something happened; longer ones do not matter. */
byte sinceRenewal[RELAYS];
bool holds[RELAYS];
byte watched[RELAYS];
byte sinceWatched[RELAYS];
/* How long a batch may still take; only while there is one. */
byte timeLeft[RELAYS];
bool isInBatch[RELAYS];

/* Which event a process is delivering; NOTHING otherwise. */
#define NOTHING EVENTS
byte delivering[RELAYS] = NOTHING;

byte crashes;
bool isDead[RELAYS];
byte failures;

/* What the claims are about. */
bool wasOutOfOrder;
bool wasGivenUpEarly;

#define isDue(e) (entry[e] == waiting)
/* The first entry of its user that was not removed or given up. */
#define isPast(e) (entry[e] == removed || entry[e] == dead_letter)
#define isHead(e) (!isPast(e) && ((e) != 1 || isPast(0)))
#if DEFECT == FAILED_ENTRY_SKIPPED
#define isDeliverable(e) (isDue(e))
#else
#define isDeliverable(e) (isDue(e) && isHead(e))
#endif
#define isAnyDeliverable (isDeliverable(0) || isDeliverable(1) || isDeliverable(2))

/* What a relay has just done, for the replay. */
mtype = { LOOKS, ACQUIRES, READS, ENSURES, RENEWS, DELIVERS, REMOVES, PUTS_BACK, RELEASES };
mtype = { WAITS, LEASES, WRITTEN, TOO_LATE, LASTS, RENEWING, GIVES_UP, TAKES, LOSES_ANSWER, FAILS, LEASE_LOST, TRIED_AGAIN, GIVEN_UP };
#define says(p, what)          printf("{\"step\":\"%e\",\"relay\":%d}\n", what, p)
#define saysHow(p, what, how)   printf("{\"step\":\"%e\",\"relay\":%d,\"how\":\"%e\"}\n", what, p, how)
#define saysOf(p, what, e, how) printf("{\"step\":\"%e\",\"relay\":%d,\"event\":%d,\"how\":\"%e\"}\n", what, p, e, how)

inline writeToken(p) {
  serial[p] = (serial[p] + 1) % TOKENS;
  lease = tokenOf(p);
  /* Nobody has seen it before. */
  for (other : 0 .. RELAYS - 1) {
    if :: watched[other] == lease -> watched[other] = STALE :: else fi;
    if :: seen[other] == lease -> seen[other] = STALE :: else fi
  }
  other = 0
}

inline store(e) {
  atomic { entry[e] = waiting; printf("{\"step\":\"STORES\",\"event\":%d}\n", e) }
}

proctype Writer() {
  store(0);
  store(1);
  if :: !isOneUser -> store(2) :: else fi
}

inline becomeDue(e) {
  atomic { entry[e] == failed -> entry[e] = waiting; printf("{\"step\":\"DUE\",\"event\":%d}\n", e) }
}

proctype Clock() {
  byte p;
end:
  do
  :: atomic {
       /* A batch ends in time: the code aborts a delivery that does not. -DPAUSES=1: the process may pause in it. */
       PAUSES || ((!isInBatch[0] || timeLeft[0] > 0) && (!isInBatch[1] || timeLeft[1] > 0)) ->
       for (p : 0 .. RELAYS - 1) {
         if :: holds[p] && sinceRenewal[p] <= LEASE -> sinceRenewal[p]++ :: else fi;
         if :: watched[p] != 0 && watched[p] == lease && sinceWatched[p] <= LEASE -> sinceWatched[p]++ :: else fi;
         if :: timeLeft[p] > 0 -> timeLeft[p]-- :: else fi
       };
       p = 0;
       printf("{\"step\":\"TIME\"}\n")
     }
  :: atomic {
       /* At any moment a process may end for good. What it was doing, it never does again. */
       crashes < MAX_CRASHES -> crashes++;
       if :: p = 0 :: p = 1 fi;
       printf("{\"step\":\"DIES\",\"relay\":%d}\n", p);
       isDead[p] = true; delivering[p] = NOTHING; isInBatch[p] = false; timeLeft[p] = 0; holds[p] = false; sinceRenewal[p] = 0;
       watched[p] = 0; sinceWatched[p] = 0; seen[p] = 0; p = 0
     }
  :: becomeDue(0)
  :: becomeDue(1)
  :: becomeDue(2)
  od
}

/* The destination takes an event. */
inline take(e) {
  if
  :: taken[e] -> skip
  :: else ->
     /* The earlier events of the user first, but for those that were given up; and none that was given up afterwards. */
     if
     :: (e == 1 && !taken[0] && entry[0] != dead_letter) -> wasOutOfOrder = true
     :: (e == 0 && taken[1]) -> wasOutOfOrder = true
     :: else
     fi;
     taken[e] = true
  fi
}

/* What a process has read no longer matters. */
inline forget(p) {
  isOurs = false; isAnyDone = false; isFollowed = false; wasRenewed = false; seen[p] = 0;
  for (e : 0 .. EVENTS - 1) { isInRun[e] = false; wasDelivered[e] = false; hasFailed[e] = false; attemptsRead[e] = 0 }
  e = 0
}

proctype Relay(byte p) {
  byte e, other;
  bool isOurs, isAnyDone, isFollowed, wasRenewed;
  bool isInRun[EVENTS], wasDelivered[EVENTS], hasFailed[EVENTS];
  byte attemptsRead[EVENTS];

looks:
end:
  atomic {
    !isDead[p] && isAnyDeliverable ->
    forget(p);
    seen[p] = lease;
    if
    :: lease == 0 || DEFECT == LEASE_TAKEN_OVER_AT_ONCE -> skip
    :: lease != 0 && DEFECT != LEASE_TAKEN_OVER_AT_ONCE ->
       if
       :: watched[p] != lease -> watched[p] = lease; sinceWatched[p] = 0; seen[p] = 0; saysHow(p, LOOKS, WAITS); goto waits
       :: watched[p] == lease && sinceWatched[p] <= LEASE -> seen[p] = 0; saysHow(p, LOOKS, WAITS); goto waits
       :: watched[p] == lease && sinceWatched[p] > LEASE -> skip
       fi
    fi;
    watched[p] = 0; sinceWatched[p] = 0;
    holds[p] = true; sinceRenewal[p] = 0;
    saysHow(p, LOOKS, LEASES)
  }
  /* Time may pass before the statement runs. */
  atomic {
    !isDead[p] ->
    if
    :: lease == seen[p] || DEFECT == LEASE_WITHOUT_CONDITION -> writeToken(p); saysHow(p, ACQUIRES, WRITTEN)
    :: else -> holds[p] = false; sinceRenewal[p] = 0; saysHow(p, ACQUIRES, TOO_LATE); goto looks
    fi;
    seen[p] = 0
  }
  goto reads;

waits:
  /* Until the holder has renewed or released its lease, or was silent for the length of one. */
  atomic { !isDead[p] && (lease != watched[p] || sinceWatched[p] > LEASE) -> goto looks }

reads:
  atomic {
    !isDead[p] ->
    if :: DEFECT == LEASE_TIMED_FROM_THE_REPLY && !isAnyDone -> sinceRenewal[p] = 0 :: else fi;
    isAnyDone = false; wasRenewed = false;
    for (e : 0 .. EVENTS - 1) {
      wasDelivered[e] = false; hasFailed[e] = false; attemptsRead[e] = attempts[e];
      isInRun[e] = isDeliverable(e)
    }
    /* The next one of the user follows at once, unless it has failed before. */
    if :: isInRun[0] && isDue(1) && attempts[1] == 0 -> isInRun[1] = true :: else fi;
    isFollowed = isInRun[0] && (entry[1] == waiting || entry[1] == failed);
    e = 0;
    says(p, READS);
    if :: !isInRun[0] && !isInRun[1] && !isInRun[2] -> goto releases :: else fi
  }

ensures:
  atomic {
    !isDead[p] ->
    if
    :: sinceRenewal[p] + 2 * DELIVERY <= LEASE || DEFECT == LEASE_NOT_RENEWED ->
       isInBatch[p] = true; timeLeft[p] = 2 * DELIVERY; saysHow(p, ENSURES, LASTS); goto delivers
    :: else -> if :: wasRenewed -> saysHow(p, ENSURES, GIVES_UP); goto releases :: else fi
    fi;
    wasRenewed = true; seen[p] = tokenOf(p); sinceRenewal[p] = 0;
    saysHow(p, ENSURES, RENEWING)
  }
  atomic {
    !isDead[p] ->
    if
    :: lease == seen[p] -> writeToken(p); saysHow(p, RENEWS, WRITTEN)
    :: else -> saysHow(p, RENEWS, TOO_LATE); goto looks
    fi;
    seen[p] = 0
  }
  goto ensures;

delivers:
  atomic {
    !isDead[p] ->
    do
    :: e < EVENTS && !isInRun[e] -> e++
    :: else -> break
    od;
    if :: e == EVENTS -> isInBatch[p] = false; timeLeft[p] = 0; goto records :: else fi;
    delivering[p] = e;
    if :: DEFECT == REMOVED_BEFORE_DELIVERY -> entry[e] = removed :: else fi
  }
  atomic {
    !isDead[p] ->
    if
    :: take(e); wasDelivered[e] = true; saysOf(p, DELIVERS, e, TAKES)
    :: failures < MAX_FAILURES -> failures++; take(e); hasFailed[e] = true; saysOf(p, DELIVERS, e, LOSES_ANSWER)
    :: failures < MAX_FAILURES -> failures++; hasFailed[e] = true; saysOf(p, DELIVERS, e, FAILS)
    fi;
    delivering[p] = NOTHING;
    if :: e == 0 && hasFailed[0] && DEFECT != RUN_CONTINUES_AFTER_FAILURE -> isInRun[1] = false :: else fi;
    /* The later ones of a user wait for the next batch when this one took its time. */
    if :: e == 0 && timeLeft[p] < 2 * DELIVERY -> isInRun[1] = false :: else fi;
    isInRun[e] = false;
    e++
  }
  goto delivers;

records:
  atomic {
    !isDead[p] ->
    isOurs = (lease == tokenOf(p));
    if
    :: wasDelivered[0] || wasDelivered[1] || wasDelivered[2] -> if :: isOurs -> saysHow(p, REMOVES, WRITTEN) :: else -> saysHow(p, REMOVES, LEASE_LOST) fi
    :: else
    fi;
    for (e : 0 .. EVENTS - 1) {
      if :: wasDelivered[e] && isOurs -> entry[e] = removed; isAnyDone = true :: else fi;
      wasDelivered[e] = false
    }
    e = 0
  }
  do
  :: atomic {
       !isDead[p] && isOurs && (hasFailed[0] || hasFailed[1] || hasFailed[2]) ->
       do
       :: !hasFailed[e] -> e++
       :: else -> break
       od;
       hasFailed[e] = false;
       if
       :: lease == tokenOf(p) && entry[e] != removed ->
          attempts[e] = attemptsRead[e] + 1;
          if
          :: attempts[e] >= MAX_ATTEMPTS || DEFECT == DEAD_LETTER_TOO_EARLY ->
             entry[e] = dead_letter; isAnyDone = true;
             if :: attempts[e] < MAX_ATTEMPTS -> wasGivenUpEarly = true :: else fi;
             saysOf(p, PUTS_BACK, e, GIVEN_UP)
          :: else -> entry[e] = failed; saysOf(p, PUTS_BACK, e, TRIED_AGAIN)
          fi
       :: else -> isOurs = false; saysOf(p, PUTS_BACK, e, LEASE_LOST)
       fi
     }
  :: atomic { !isDead[p] && (!isOurs || !(hasFailed[0] || hasFailed[1] || hasFailed[2])) -> e = 0; if :: isOurs && isAnyDone && isFollowed -> isOurs = false; goto reads :: else -> goto releases fi }
  od;

releases:
  atomic { !isDead[p] -> if :: lease == tokenOf(p) -> lease = 0 :: else fi; holds[p] = false; sinceRenewal[p] = 0; forget(p); says(p, RELEASES); goto looks }
}

init {
  byte p;
  atomic {
    for (p : 0 .. RELAYS - 1) { run Relay(p) }
    if :: isOneUser -> entry[2] = removed; taken[2] = true :: else fi;
    run Writer();
    run Clock()
  }
}

#define isOnlyRemovedOnceTaken(e) (entry[e] == removed -> taken[e])

ltl nothing_is_lost { [] (isOnlyRemovedOnceTaken(0) && isOnlyRemovedOnceTaken(1) && isOnlyRemovedOnceTaken(2)) }
ltl in_order_per_user { [] !wasOutOfOrder }
ltl not_twice_at_once { [] (delivering[0] == NOTHING || delivering[0] != delivering[1]) }
ltl given_up_after_all_attempts { [] !wasGivenUpEarly }
ltl nothing_lost_and_in_order { [] (isOnlyRemovedOnceTaken(0) && isOnlyRemovedOnceTaken(1) && isOnlyRemovedOnceTaken(2) && !wasOutOfOrder) }
ltl all_of_these {
  [] (isOnlyRemovedOnceTaken(0) && isOnlyRemovedOnceTaken(1) && isOnlyRemovedOnceTaken(2)
    && !wasOutOfOrder && !wasGivenUpEarly && (delivering[0] == NOTHING || delivering[0] != delivering[1]))
}
