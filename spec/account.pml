/*
 * Concurrent calls about one user: what each process does between a request and its answer.
 *
 * A call reads the account, decides, and replaces the account only if it is still the one that was read; if it is not, the call
 * starts again. Its answer leaves afterwards. Every step of this may be followed by a step of any other call, by the passing of
 * time, or by the end of the process. The rules are those of src/accounts/, for two devices, two recovery codes and one trusted
 * browser. docs/verification.md says what is assumed and how the model is tied to the code.
 *
 * cspell:ignore ifndef elif mtype proctype DDEFECT DSAFETY
 *
 * Explore it:   spin -a account.pml && gcc -O2 -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -o pan pan.c && ./pan -m100000 -N all_of_these
 * Simulate it:  spin -T -n1 account.pml
 */

/* Times count steps of 30 seconds, the period of a code. */
#define MAX_FAILURES     2
#define COOLDOWN         2
#define LONGEST_LOCK     4
#define HARD_LIMIT       5
#define SKEW             1
#define CLOCK_DIFFERENCE 2   /* the longest that a call takes, and that clocks differ by */
#define FIRST_TIME       1
#define LAST_TIME        7
#define TIMES            8
#define NEVER            255

#define CALLS            5
#define MAX_CRASHES      1
#define MAX_LOST_REPLIES 1

/* The safeguards that can be taken away, one at a time: -DDEFECT=NO_CONDITION. */
#ifndef DEFECT
#define DEFECT 0
#endif
#define NO_CONDITION                1
#define REVISION_COUNTS_PER_ROW     2
#define COUNTER_READ_TWICE          3
#define ANSWER_BEFORE_COMMIT        4
#define CONFLICT_KEEPS_DECISION     5
#define LOST_REPLY_IS_CONFLICT      6
#define EVENTS_STORED_AFTERWARDS    7
#define LOCK_CHECKED_AFTERWARDS     8
#define ONLY_LAST_STEP_IS_USED      9
#define REMOVAL_FORGETS_USED_STEPS  10
#define LOCK_IS_TOO_SHORT           11
#define LOCK_ONE_TOO_EARLY          12
#define TRUST_OUTLIVES_RECOVERY     13

#define PHONE  0
#define TABLET 1

/* What a call asks for. `device` and `number` say which code. */
mtype = { code, trusting_code, wrong_code, recovery_code, remove_phone, import_phone, unlock, erase, check_browser, forget_browsers };
typedef Request { mtype kind; byte device; byte number };
Request request[CALLS];

/* The answers, as the routes give them. */
mtype = { no_answer, OK, INVALID_TOTP_ERROR, LIMIT_REACHED_ERROR, UNKNOWN_USER_ID_ERROR, INVALID_RECOVERY_CODE_ERROR, SECRET_ALREADY_EXISTS_ERROR, UNKNOWN_BROWSER_ERROR, STORAGE_ERROR };

/* The events of one change, in the order in which they are reported. */
#define CREATED           1
#define ACCEPTED          2
#define RECOVERY_USED     4
#define REPLAYED          8
#define REJECTED          16
#define RECOVERY_REJECTED 32
#define DEVICE_REMOVED    64
#define USER_REMOVED      128
#define LOCKED            256
#define UNLOCKED          512
#define FORGOTTEN         1024
#define TRUSTED           2048

typedef Account {
  bool has[2];          /* whether there is the device */
  byte usedUntil[2];    /* the first step of which a code may still be accepted */
  byte removedUntil;    /* the same of the devices that were removed */
  byte failures;        /* in a row */
  byte recentFailure;   /* when the failure was that counts towards the next lock; 0 without one: two start a lock */
  byte lockNumber;      /* of the streak's newest lock; 0 without one */
  byte lockedUntil;
  bool unused[2];       /* recovery codes */
  byte browser          /* the trusted browser: 1 is that of the beginning, 2 + id that of a call; 0 without one */
};

/* The row in the database. */
Account row;
bool isRow;
#if DEFECT == REVISION_COUNTS_PER_ROW
byte revision;
#endif

/* What a call has read and decided. */
typedef Pending {
  Account next;         /* the account as it will be after the call */
  byte began;           /* the time that all attempts of the call decide with; 0 when it has not begun or has ended */
  bool isCurrent        /* whether the row still has the revision that was read or written last */
#if DEFECT == REVISION_COUNTS_PER_ROW
  ; byte seen
#endif
};
Pending pending[CALLS];

/* That of the call at hand. */
#define account pending[id].next
#define startedAt pending[id].began

byte now = FIRST_TIME;
byte lastTime = FIRST_TIME;
byte crashes;
byte lostReplies;

/*
 * What the claims look at. The protocol itself reads none of it.
 */
byte accepted[8];            /* by step, of both devices: how often its code was accepted since the last erasure */
byte newestAccepted[2];      /* by device: the latest step of which a code was accepted, plus 1 */
byte codesUsed[2];           /* by recovery code: how often it was used */
byte spent[TIMES];           /* by time: failures that were counted since the last code was accepted */
byte newestFailure;          /* when the newest of them was */
byte lateFailures;           /* of them, those that were decided by an earlier time than another one before */
bool isOlderAccepted;        /* a code was accepted after one of a later step */
bool isStale;                /* an account was replaced by a decision on an earlier one */
bool isCheckedWhileLocked;   /* a code was compared during a lock */
bool isRefusedTooEarly;      /* a user was refused before the budget was spent */
bool isUncommitted;          /* an answer reported a change that was not made, or hid one that was */
bool isTrustedTooLong;       /* a browser was trusted by a call that began after the answer that it is forgotten */
bool isForgotten;            /* that answer was given */
byte changes[CALLS];         /* by call: how often it changed the account */
byte stored[CALLS];          /* by call: how often its events were stored */
bool isBegun[CALLS];
byte finished;

/* In a simulation, each step prints a line, from which test/specification/ makes the same step with the code. */
mtype = { begins, loads, commits, conflicts, loses_reply, is_not_sent, rereads, dies };
#define say(step, id) printf("{\"step\": \"%e\", \"call\": %d}\n", step, id)

inline copy(to, from) {
  to.has[0] = from.has[0]; to.has[1] = from.has[1];
  to.usedUntil[0] = from.usedUntil[0]; to.usedUntil[1] = from.usedUntil[1];
  to.removedUntil = from.removedUntil;
  to.failures = from.failures; to.recentFailure = from.recentFailure;
  to.lockNumber = from.lockNumber; to.lockedUntil = from.lockedUntil;
  to.unused[0] = from.unused[0]; to.unused[1] = from.unused[1];
  to.browser = from.browser
}

inline clear(which) {
  which.has[0] = false; which.has[1] = false;
  which.usedUntil[0] = 0; which.usedUntil[1] = 0;
  which.removedUntil = 0;
  clearBudget(which);
  which.unused[0] = false; which.unused[1] = false;
  which.browser = 0
}

inline clearBudget(which) {
  which.failures = 0; which.recentFailure = 0; which.lockNumber = 0; which.lockedUntil = 0
}

#define isLocked(at) (account.lockNumber > 0 && at < account.lockedUntil)
#define isRecent(at) (account.recentFailure > 0 && at < account.recentFailure + COOLDOWN)
#define hasDevice    (account.has[PHONE] || account.has[TABLET])
#define codesLeft    (account.unused[0] + account.unused[1])
#define min(a, b)    ((a) < (b) -> (a) : (b))
#define max(a, b)    ((a) > (b) -> (a) : (b))

/*
 * The rules. Each turns `account` into the account after the call, and sets `answer`, `detail` and `events`; it sets `isChanged`
 * when the account is to be written. With the outbox for all events, whatever has an event is written.
 */

inline lockForFailure(at) {
  account.lockNumber++;
  if
  :: account.failures >= HARD_LIMIT -> account.lockedUntil = NEVER
#if DEFECT == LOCK_IS_TOO_SHORT
  :: else -> account.lockedUntil = at + 1
#else
  :: else -> account.lockedUntil = at + min(COOLDOWN << (account.lockNumber - 1), LONGEST_LOCK)
#endif
  fi;
  account.recentFailure = 0;
  events = events | LOCKED
}

inline reject(at) {
  account.failures++;
  answer = INVALID_TOTP_ERROR;
  events = REJECTED;
  isChanged = true;
  if
  :: isRecent(at) -> detail = 2; lockForFailure(at)
  :: else ->
     detail = 1;
     if
     :: account.failures >= HARD_LIMIT || DEFECT == LOCK_ONE_TOO_EARLY -> lockForFailure(at)
     :: else -> account.recentFailure = at
     fi
  fi
}

inline accept(device_, step_, isTrusting) {
  account.usedUntil[device_] = step_ + 1;
  answer = OK;
  events = ACCEPTED;
  isChanged = true;
  if
  :: account.lockNumber > 0 -> events = events | UNLOCKED
  :: else
  fi;
  clearBudget(account);
  if
  :: isTrusting ->
     if
     :: account.browser > 0 -> events = events | FORGOTTEN
     :: else
     fi;
     account.browser = 2 + id;
     events = events | TRUSTED
  :: else
  fi
}

#if DEFECT == LOCK_CHECKED_AFTERWARDS
#define mayNotCompare(at) false
#else
#define mayNotCompare(at) isLocked(at)
#endif

#if DEFECT == ONLY_LAST_STEP_IS_USED
#define isFresh(device_, step_) (step_ + 1 != account.usedUntil[device_])
#else
#define isFresh(device_, step_) (step_ >= account.usedUntil[device_])
#endif

inline enterCode(at, device_, step_, isRight, isTrusting) {
  if
  :: !hasDevice -> answer = UNKNOWN_USER_ID_ERROR
  :: hasDevice && mayNotCompare(at) ->
     answer = LIMIT_REACHED_ERROR;
     detail = min(account.lockedUntil - at, LONGEST_LOCK)
  :: else ->
     isCheckedWhileLocked = isCheckedWhileLocked || isLocked(at);
     if
     :: isRight && account.has[device_] && step_ + SKEW >= at && step_ <= at + SKEW ->
        if
        :: isFresh(device_, step_) -> accept(device_, step_, isTrusting)
        :: else ->
           answer = INVALID_TOTP_ERROR;
           detail = (isRecent(at) -> 1 : 0);
           events = REPLAYED;
           isChanged = true
        fi
     :: else -> reject(at)
     fi
  fi
}

inline enterRecoveryCode(number_) {
  if
  :: !hasDevice -> answer = UNKNOWN_USER_ID_ERROR
  :: hasDevice && !account.unused[number_] ->
     answer = INVALID_RECOVERY_CODE_ERROR;
     events = RECOVERY_REJECTED;
     isChanged = true
  :: else ->
     account.unused[number_] = false;
     answer = OK;
     detail = codesLeft;
     events = RECOVERY_USED;
     isChanged = true;
     if
     :: account.lockNumber > 0 -> events = events | UNLOCKED
     :: else
     fi;
     clearBudget(account);
#if DEFECT != TRUST_OUTLIVES_RECOVERY
     forgetBrowsers()
#endif
  fi
}

inline forgetBrowsers() {
  if
  :: account.browser > 0 -> account.browser = 0; events = events | FORGOTTEN
  :: else
  fi
}

inline removePhone() {
  answer = OK;
  if
  :: !account.has[PHONE]
  :: else ->
     account.has[PHONE] = false;
#if DEFECT != REMOVAL_FORGETS_USED_STEPS
     account.removedUntil = max(account.removedUntil, account.usedUntil[PHONE]);
#endif
     account.usedUntil[PHONE] = 0;
     detail = 1;
     events = DEVICE_REMOVED;
     isChanged = true;
     forgetBrowsers()
  fi
}

inline importPhone() {
  if
  :: account.has[PHONE] -> answer = SECRET_ALREADY_EXISTS_ERROR
  :: else ->
     account.has[PHONE] = true;
     account.usedUntil[PHONE] = account.removedUntil;
     answer = OK;
     events = CREATED;
     isChanged = true
  fi
}

inline unlockUser() {
  answer = OK;
  if
  :: account.failures == 0
  :: else ->
     detail = (account.lockNumber > 0 -> 1 : 0);
     clearBudget(account);
     events = UNLOCKED;
     isChanged = true
  fi
}

inline forgetAll() {
  answer = OK;
  if
  :: account.browser > 0 -> detail = 1; isChanged = true; forgetBrowsers()
  :: else
  fi
}

/* Erasure is committed without an account too. */
inline eraseUser() {
  answer = OK;
  isChanged = true;
  isErased = true;
  if
  :: isRow -> detail = 1; events = USER_REMOVED
  :: else
  fi;
  clear(account)
}

inline decide(at) {
  answer = no_answer; detail = 0; events = 0; isChanged = false; isErased = false;
  if
  :: request[id].kind == code -> enterCode(at, request[id].device, request[id].number, true, false)
  :: request[id].kind == trusting_code -> enterCode(at, request[id].device, request[id].number, true, true)
  :: request[id].kind == wrong_code -> enterCode(at, PHONE, 0, false, false)
  :: request[id].kind == recovery_code -> enterRecoveryCode(request[id].number)
  :: request[id].kind == remove_phone -> removePhone()
  :: request[id].kind == import_phone -> importPhone()
  :: request[id].kind == unlock -> unlockUser()
  :: request[id].kind == erase -> eraseUser()
  :: request[id].kind == forget_browsers -> forgetAll()
  :: request[id].kind == check_browser ->
     if
     :: account.browser == 1 -> answer = OK
     :: else -> answer = UNKNOWN_BROWSER_ERROR
     fi
  fi
}

/*
 * The database.
 */

#if DEFECT == NO_CONDITION
#define isUnchanged true
#elif DEFECT == COUNTER_READ_TWICE
#define isUnchanged (pending[id].isCurrent || request[id].kind == wrong_code)
#elif DEFECT == REVISION_COUNTS_PER_ROW
#define isUnchanged (pending[id].seen == revision)
#else
#define isUnchanged pending[id].isCurrent
#endif

/* Writes the account and its events in one transaction: both or neither. */
inline write() {
  isStale = isStale || !pending[id].isCurrent;
#if DEFECT == COUNTER_READ_TWICE
  /* The number of failures is increased in place, but the lock was decided on the number that was read. */
  if
  :: request[id].kind == wrong_code -> account.failures = row.failures + 1
  :: else
  fi;
#endif
  copy(row, account);
#if DEFECT == REVISION_COUNTS_PER_ROW
  revision = (isErased -> 0 : revision + 1);
#endif
  isRow = !isErased;
  printf("{\"step\": \"row\", \"call\": %d, \"phone\": %d, \"phoneUntil\": %d, \"tabletUntil\": %d, \"removedUntil\": %d, \"failures\": %d, \"lockNumber\": %d, \"lockedUntil\": %d, \"codes\": %d, \"browsers\": %d}\n", id, row.has[PHONE], row.usedUntil[PHONE], row.usedUntil[TABLET], row.removedUntil, row.failures, row.lockNumber, row.lockedUntil, row.unused[0] + row.unused[1], (row.browser > 0));
  outdate();
  changes[id]++;
#if DEFECT != EVENTS_STORED_AFTERWARDS
  storeEvents();
#endif
  observeChange()
}

/*
 * A write gives the row a revision that was never used before, so that no other call has read the account as it is now. What such a
 * call has decided is of no use any more, and forgotten here: that keeps the number of states small.
 */
inline outdate() {
  for (n : 0 .. CALLS - 1) {
    pending[n].isCurrent = (n == id);
#if DEFECT == 0
    if
    :: n != id -> clear(pending[n].next)
    :: else
    fi
#endif
  }
  n = 0
}

inline storeEvents() {
  stored[id]++;
  printf("{\"step\": \"stores\", \"call\": %d, \"events\": %d}\n", id, events)
}

/* Keeps what the claims need to know of a change. */
inline observeChange() {
  if
  :: events & ACCEPTED ->
     accepted[request[id].device * 4 + request[id].number]++;
     isOlderAccepted = isOlderAccepted || request[id].number < newestAccepted[request[id].device];
     newestAccepted[request[id].device] = request[id].number + 1;
     clearSpent()
  :: events & RECOVERY_USED -> codesUsed[request[id].number]++; clearSpent()
  :: events & REJECTED ->
     spent[startedAt]++;
     if
     :: startedAt < newestFailure -> lateFailures++
     :: else -> newestFailure = startedAt
     fi
  :: request[id].kind == unlock -> clearSpent()
  :: isErased ->
     clearSpent(); clearAccepted()
  :: else
  fi
}

inline clearSpent() {
  for (n : 0 .. TIMES - 1) { spent[n] = 0 }
  n = 0; newestFailure = 0; lateFailures = 0
}

inline clearAccepted() {
  for (n : 0 .. 7) { accepted[n] = 0 }
  n = 0;
  newestAccepted[0] = 0; newestAccepted[1] = 0; codesUsed[0] = 0; codesUsed[1] = 0
}

#define spentInAll (spent[1] + spent[2] + spent[3] + spent[4] + spent[5] + spent[6] + spent[7])

/* Keeps what the claims need to know of an answer. */
inline observeAnswer() {
  isUncommitted = isUncommitted || (answer != STORAGE_ERROR && isChanged != (changes[id] > 0));
  isTrustedTooLong = isTrustedTooLong || (request[id].kind == check_browser && answer == OK && beganForgotten);
  if
  :: answer == OK && request[id].kind == remove_phone && detail == 1 -> isForgotten = true
  :: answer == OK && request[id].kind == forget_browsers -> isForgotten = true
  :: answer == OK && request[id].kind == recovery_code -> isForgotten = true
  :: answer == OK && request[id].kind == erase -> isForgotten = true
  :: else
  fi
}

inline finish() {
  finished++;
  clear(account); pending[id].isCurrent = false;
  answer = 0; startedAt = 0; detail = 0; events = 0; isChanged = false; isErased = false; beganForgotten = false
}

inline giveAnswer() {
  observeAnswer();
  printf("{\"step\": \"answers\", \"call\": %d, \"status\": \"%e\", \"detail\": %d}\n", id, answer, detail);
  finish()
}

inline loadAndDecide() {
  say(loads, id);
  copy(account, row);
  pending[id].isCurrent = true;
#if DEFECT == REVISION_COUNTS_PER_ROW
  pending[id].seen = revision;
#endif
  decide(startedAt);
  isRefusedTooEarly = isRefusedTooEarly || (answer == LIMIT_REACHED_ERROR && spentInAll < MAX_FAILURES)
}

/* A request that is alike the one before need not begin before it: the calls would only have changed names. */
#define isItsTurn (id == 0 || isBegun[id - 1] || request[id].kind != request[id - 1].kind || request[id].device != request[id - 1].device || request[id].number != request[id - 1].number)

/*
 * Steps that no other call can tell from a single one are made as one: an answer follows the step that it depends on, and a conflict
 * is found when the account is read again.
 */
proctype Call(byte id) {
  mtype answer;
  byte detail;
  short events;
  bool isChanged;
  bool isErased;
  bool beganForgotten;
  byte n;

  atomic {
    isItsTurn;
    isBegun[id] = true;
    beganForgotten = isForgotten;
    if
    :: startedAt = now
    :: now > FIRST_TIME -> startedAt = now - 1 /* the process has slept since */
    fi;
    printf("{\"step\": \"begins\", \"call\": %d, \"at\": %d}\n", id, startedAt);
    loadAndDecide();
    if
    :: isChanged
    :: !isChanged -> giveAnswer(); goto end
    fi;
#if DEFECT == ANSWER_BEFORE_COMMIT
    observeAnswer()
#endif
  }

commit:
  skip; /* Between two atomic sequences that follow one another, no other process would have a turn. */
  atomic {
    if
    :: crashes < MAX_CRASHES -> crashes++; say(dies, id); finish(); goto end
    :: lostReplies < MAX_LOST_REPLIES -> lostReplies++; say(is_not_sent, id); pending[id].isCurrent = false
    :: isUnchanged && lostReplies < MAX_LOST_REPLIES -> lostReplies++; say(loses_reply, id); write()
    :: isUnchanged ->
       say(commits, id);
       write();
#if DEFECT == EVENTS_STORED_AFTERWARDS
       goto storing
#endif
       giveAnswer();
       goto end
    :: !isUnchanged ->
       say(conflicts, id);
#if DEFECT == CONFLICT_KEEPS_DECISION
       pending[id].isCurrent = true; isStale = true; goto commit
#endif
       loadAndDecide();
       if
       :: isChanged -> goto commit
       :: !isChanged -> giveAnswer(); goto end
       fi
    fi
  }
  skip;

  /* The connection broke. The row shows whether it was written, unless another call has changed it since. */
  atomic {
#if DEFECT == LOST_REPLY_IS_CONFLICT
    loadAndDecide(); goto commit;
#endif
    if
    :: isErased -> answer = STORAGE_ERROR; detail = 0
    :: !isErased && pending[id].isCurrent -> say(rereads, id)
    :: else -> say(rereads, id); answer = STORAGE_ERROR; detail = 0
    fi;
    giveAnswer();
    goto end
  }

#if DEFECT == EVENTS_STORED_AFTERWARDS
storing:
  atomic { storeEvents(); giveAnswer(); goto end }
#endif

end:
  false
}

/* Time passes at any moment, but no call takes longer than clocks may differ. */
#define isLate(n) (pending[n].began > 0 && now >= pending[n].began + CLOCK_DIFFERENCE)
proctype Clock() {
end:
  do
  :: atomic { now < lastTime && !isLate(0) && !isLate(1) && !isLate(2) && !isLate(3) && !isLate(4) -> now++; printf("{\"step\": \"time\", \"now\": %d}\n", now) }
  od
}

#define ask(id, kind_, device_, number_) request[id].kind = kind_; request[id].device = device_; request[id].number = number_

/* The user has two devices, two recovery codes and a trusted browser, and has entered `failures_` wrong codes. */
inline begin(failures_, until) {
  row.has[PHONE] = true; row.has[TABLET] = true;
  row.unused[0] = true; row.unused[1] = true;
  row.browser = 1;
  row.failures = failures_;
  if
  :: failures_ == 1 -> row.recentFailure = FIRST_TIME
  :: failures_ == 2 -> row.lockNumber = 1; row.lockedUntil = FIRST_TIME + COOLDOWN
  :: else
  fi;
  spent[FIRST_TIME] = failures_;
  isRow = true;
#if DEFECT == REVISION_COUNTS_PER_ROW
  revision = 1;
#endif
  lastTime = until;
  printf("{\"step\": \"beginning\", \"failures\": %d}\n", failures_)
}

inline beginWithAnyFailures(until) {
  if
  :: begin(0, until)
  :: begin(1, until)
  :: begin(2, until)
  fi
}

/* A request of any kind, at or after that of the call before it in the order of these lines. */
inline askAnything(id) {
  if
  :: kinds <= 0 -> kinds = 0; ask(id, code, PHONE, 1)
  :: kinds <= 1 -> kinds = 1; ask(id, code, PHONE, 2)
  :: kinds <= 2 -> kinds = 2; ask(id, code, TABLET, 1)
  :: kinds <= 3 -> kinds = 3; ask(id, trusting_code, PHONE, 2)
  :: kinds <= 4 -> kinds = 4; ask(id, wrong_code, 0, 0)
  :: kinds <= 5 -> kinds = 5; ask(id, recovery_code, 0, 0)
  :: kinds <= 6 -> kinds = 6; ask(id, recovery_code, 0, 1)
  :: kinds <= 7 -> kinds = 7; ask(id, remove_phone, 0, 0)
  :: kinds <= 8 -> kinds = 8; ask(id, import_phone, 0, 0)
  :: kinds <= 9 -> kinds = 9; ask(id, unlock, 0, 0)
  :: kinds <= 10 -> kinds = 10; ask(id, check_browser, 0, 0)
  :: kinds <= 11 -> kinds = 11; ask(id, forget_browsers, 0, 0)
  :: kinds < 12 -> kinds = 12; ask(id, erase, 0, 0)
  fi
}

/* What is asked for at once: -DSCENARIO=ERASURE explores one of these, and without it they are all explored. */
#ifndef SCENARIO
#define SCENARIO 0
#endif
#define GUESSING      1
#define GUESSING_ON   2
#define ONE_CODE      3
#define TWO_DEVICES   4
#define STEPS         5
#define RECOVERY      6
#define REMOVAL       7
#define TRUST         8
#define ERASURE       9
#define HELP_DESK     10
#define ANY_THREE     11
#define isScenario(n) (SCENARIO == 0 || SCENARIO == n)

init {
  byte kinds; byte id;
  atomic {
    if
    :: isScenario(GUESSING) -> /* guessing, until the first lock is over */
       begin(0, FIRST_TIME + COOLDOWN);
       ask(0, wrong_code, 0, 0); ask(1, wrong_code, 0, 0); ask(2, wrong_code, 0, 0); ask(3, wrong_code, 0, 0); ask(4, wrong_code, 0, 0)
    :: isScenario(GUESSING_ON) -> /* guessing, from the first lock on until the hard one */
       begin(2, LAST_TIME); now = FIRST_TIME + COOLDOWN;
       ask(0, wrong_code, 0, 0); ask(1, wrong_code, 0, 0); ask(2, wrong_code, 0, 0); ask(3, wrong_code, 0, 0); finished = 1
    :: isScenario(ONE_CODE) -> /* one code many times, between guesses */
       beginWithAnyFailures(2);
       ask(0, code, PHONE, 1); ask(1, code, PHONE, 1); ask(2, code, PHONE, 1); ask(3, wrong_code, 0, 0); ask(4, wrong_code, 0, 0)
    :: isScenario(TWO_DEVICES) -> /* two devices, each code twice */
       begin(1, 1);
       ask(0, code, PHONE, 1); ask(1, code, PHONE, 1); ask(2, code, TABLET, 1); ask(3, code, TABLET, 1); ask(4, wrong_code, 0, 0)
    :: isScenario(STEPS) -> /* the codes of a device that come after one another */
       begin(0, 2);
       ask(0, code, PHONE, 1); ask(1, code, PHONE, 2); ask(2, code, PHONE, 2); ask(3, code, PHONE, 0); ask(4, code, PHONE, 0)
    :: isScenario(RECOVERY) -> /* recovery codes */
       beginWithAnyFailures(2);
       ask(0, recovery_code, 0, 0); ask(1, recovery_code, 0, 0); ask(2, recovery_code, 0, 1); ask(3, wrong_code, 0, 0); ask(4, code, PHONE, 1)
    :: isScenario(REMOVAL) -> /* a device that is removed and comes back */
       begin(0, 2);
       ask(0, code, PHONE, 1); ask(1, code, PHONE, 1); ask(2, remove_phone, 0, 0); ask(3, import_phone, 0, 0); ask(4, wrong_code, 0, 0)
    :: isScenario(TRUST) -> /* trust, and its end */
       begin(1, 1);
       ask(0, check_browser, 0, 0); ask(1, check_browser, 0, 0); ask(2, forget_browsers, 0, 0); ask(3, trusting_code, PHONE, 1); ask(4, recovery_code, 0, 0)
    :: isScenario(ERASURE) -> /* a user who is erased and comes back */
       begin(1, 1);
       ask(0, code, PHONE, 1); ask(1, code, PHONE, 1); ask(2, recovery_code, 0, 0); ask(3, erase, 0, 0); ask(4, import_phone, 0, 0)
    :: isScenario(HELP_DESK) -> /* a help desk that unlocks the user */
       beginWithAnyFailures(3);
       ask(0, wrong_code, 0, 0); ask(1, wrong_code, 0, 0); ask(2, wrong_code, 0, 0); ask(3, unlock, 0, 0); ask(4, code, PHONE, 1)
    :: isScenario(ANY_THREE) -> /* any three calls */
       beginWithAnyFailures(1);
       askAnything(0); askAnything(1); askAnything(2); finished = 2
    fi;
    for (id : 0 .. CALLS - 1) {
      if
      :: request[id].kind != 0 ->
         printf("{\"step\": \"request\", \"call\": %d, \"kind\": \"%e\", \"device\": %d, \"number\": %d}\n", id, request[id].kind, request[id].device, request[id].number);
         run Call(id)
      :: else
      fi
    }
    run Clock()
  }
}

/*
 * The claims.
 */

/* RFC 6238, section 5.2: a code is accepted once, and none after a later one. */
#define once(n) (accepted[n] <= 1)
#define isAcceptedOnce (once(0) && once(1) && once(2) && once(3) && once(4) && once(5) && once(6) && once(7) && codesUsed[0] <= 1 && codesUsed[1] <= 1 && !isOlderAccepted)
ltl accepted_once { [] isAcceptedOnce }

/*
 * RFC 4226, section 7.3: at most MAX_FAILURES within any COOLDOWN. A failure that is late starts its lock at its own time, so the lock
 * ends early, and each such failure may allow one more.
 */
#define inBudget(at) (spent[at] + spent[at - 1] <= MAX_FAILURES + lateFailures)
#define isBudgetKept (inBudget(1) && inBudget(2) && inBudget(3) && inBudget(4) && inBudget(5) && inBudget(6) && inBudget(7))
ltl budget_is_kept { [] isBudgetKept }

/* ... and no fewer: nobody is refused before. */
ltl budget_is_granted { [] !isRefusedTooEarly }

ltl nothing_is_checked_while_locked { [] !isCheckedWhileLocked }

ltl decided_on_the_current_account { [] !isStale }

#define isOnce(id) (changes[id] <= 1)
#define isChangedOnce (isOnce(0) && isOnce(1) && isOnce(2) && isOnce(3) && isOnce(4))
ltl a_call_changes_once { [] isChangedOnce }

ltl answers_are_committed { [] !isUncommitted }

#define isStored(id) (stored[id] == changes[id])
#define areEventsStored (isStored(0) && isStored(1) && isStored(2) && isStored(3) && isStored(4))
ltl events_are_stored_with_the_change { [] areEventsStored }

ltl trust_ends { [] !isTrustedTooLong }

/* All of the above: for a search in which they are expected to hold. */
ltl all_of_these {
  [] (isAcceptedOnce && isBudgetKept && !isRefusedTooEarly && !isCheckedWhileLocked && !isStale && isChangedOnce && !isUncommitted
    && areEventsStored && !isTrustedTooLong)
}

/* However the calls overtake each other, each of them ends. */
ltl each_call_ends { <> (finished == CALLS) }
