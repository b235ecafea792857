//! Guests written by hand in the component text format, so that these tests need no WebAssembly toolchain.
//!
//! One guest does everything, by a letter: the default letter is compiled in, and a configuration that is a
//! string (`"t"`) replaces it. A second letter in the configuration sets a trait.
//!
//!     n nothing          t trap             l loop forever      m grow memory     e answer an error
//!     b a bad edit       d drop all items   h drop one item     o unreadable answer
//!     r refuse the configuration            i an interest without a signal
//!     c log a line       w drop all items in the first call, trap in the second
//!     s recurse without end              p trap if it is shown a `!`, q hang
//!     S (second letter) stateful            R (second letter) redacts

/// The guest with this default letter.
pub fn guest(letter: char) -> String {
    let main = MAIN.replace("DEFAULT", &(letter as u32).to_string());
    let types = types("");
    let shim = shim();
    format!("(component {HOST} {LIBC} {main} {WIRING} {types} {LIFTS} {shim} {EXPORT})")
}

/// A component that exports nothing.
pub fn empty() -> String {
    "(component)".to_owned()
}

/// The guest, built against another version of the contract.
pub fn of_version(version: &str) -> String {
    guest('n').replace("weir:plugin/processor@0.1.0", &format!("weir:plugin/processor@{version}"))
}

/// The guest, with an import that nobody offers.
pub fn with_import(name: &str) -> String {
    let import = format!("(component (import \"{name}\" (instance (export \"f\" (func))))");
    guest('n').replacen("(component", &import, 1)
}

/// The guest, with a `process` of another shape.
pub fn misshapen() -> String {
    guest('n').replace("(field \"received\" u64)", "(field \"received\" s64)")
}

/// A guest that sleeps in the host, for an hour, in each call.
pub fn sleeper() -> String {
    let main = MAIN
        .replace("DEFAULT", "110")
        .replace("(core module $main-module", "(core module $main-module (import \"wasi\" \"sleep\" (func $sleep (param i64) (result i32))) (import \"wasi\" \"block\" (func $block (param i32)))")
        .replace("(;start;)", "(call $block (call $sleep (i64.const 3600000000000)))");
    let wiring = WIRING.replace(
        "(core instance $main (instantiate $main-module",
        "(core func $sleep (canon lower (func $clock \"subscribe-duration\")))
         (core func $block (canon lower (func $poll \"[method]pollable.block\")))
         (core instance $main (instantiate $main-module
           (with \"wasi\" (instance (export \"sleep\" (func $sleep)) (export \"block\" (func $block))))",
    );
    let types = types("");
    let shim = shim();
    format!("(component {WASI} {HOST} {LIBC} {main} {wiring} {types} {LIFTS} {shim} {EXPORT})")
}

/// A guest that traps if it finds a variable, an argument, or a TCP socket that it may have.
pub fn nosy() -> String {
    let main = MAIN
        .replace("DEFAULT", "110")
        .replace(
            "(core module $main-module",
            r#"(core module $main-module
               (import "wasi" "variables" (func $variables (param i32)))
               (import "wasi" "arguments" (func $arguments (param i32)))
               (import "wasi" "socket" (func $socket (param i32 i32)))"#,
        )
        .replace(
            "(;start;)",
            "(call $variables (i32.const 900))
             (if (i32.load (i32.const 904)) (then (unreachable)))
             (call $arguments (i32.const 900))
             (if (i32.load (i32.const 904)) (then (unreachable)))
             (call $socket (i32.const 0) (i32.const 900))
             ;; an error, and that one is access-denied
             (if (i32.ne (i32.load8_u (i32.const 900)) (i32.const 1)) (then (unreachable)))
             (if (i32.ne (i32.load8_u (i32.const 904)) (i32.const 1)) (then (unreachable)))",
        );
    let wiring = WIRING.replace(
        "(core instance $main (instantiate $main-module",
        r#"(core func $variables
             (canon lower (func $environment "get-environment") (memory $memory) (realloc $realloc)))
           (core func $arguments
             (canon lower (func $environment "get-arguments") (memory $memory) (realloc $realloc)))
           (core func $socket (canon lower (func $create "create-tcp-socket") (memory $memory)))
           (core instance $main (instantiate $main-module
             (with "wasi" (instance
               (export "variables" (func $variables))
               (export "arguments" (func $arguments))
               (export "socket" (func $socket))))"#,
    );
    let types = types("");
    let shim = shim();
    format!("(component {SURROUNDINGS} {HOST} {LIBC} {main} {wiring} {types} {LIFTS} {shim} {EXPORT})")
}

const SURROUNDINGS: &str = r#"
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "get-arguments" (func (result (list string))))))
  (import "wasi:sockets/network@0.2.0" (instance $network
    (type $code (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
      "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
      "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset"
      "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure"
      "permanent-resolver-failure"))
    (export "error-code" (type (eq $code)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family)))))
  (alias export $network "error-code" (type $error-code))
  (alias export $network "ip-address-family" (type $address-family))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp (export "tcp-socket" (type (sub resource)))))
  (alias export $tcp "tcp-socket" (type $tcp-socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
    (alias outer 1 $tcp-socket (type $outer-socket))
    (export "tcp-socket" (type $socket (eq $outer-socket)))
    (alias outer 1 $error-code (type $outer-code))
    (export "error-code" (type $code (eq $outer-code)))
    (alias outer 1 $address-family (type $outer-family))
    (export "ip-address-family" (type $family (eq $outer-family)))
    (export "create-tcp-socket"
      (func (param "address-family" $family) (result (result (own $socket) (error $code)))))))
"#;

const WASI: &str = r#"
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $mine (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $mine))))))
"#;

const HOST: &str = r#"
  (import "weir:plugin/host@0.1.0" (instance $host
    (export "log" (func (param "level" u8) (param "message" string)))
    (export "counter-add" (func (param "counter" string) (param "label" string) (param "value" u64)))))
"#;

/// Memory and an allocator that only goes forward; a call's end takes it back to the start.
const LIBC: &str = r#"
  (core module $libc-module
    (memory (export "memory") 1)
    (global $next (export "next") (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get $size)))
      (block $fits
        (loop $more
          (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
          (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))
          (unreachable)))
      (local.get $at)))
"#;

const MAIN: &str = r#"
  (core module $main-module
    (import "libc" "memory" (memory 1))
    (import "libc" "next" (global $next (mut i32)))
    (import "libc" "realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
    (import "host" "log" (func $log (param i32 i32 i32)))
    (import "host" "counter-add" (func $add (param i32 i32 i32 i32 i64)))
    (global $letter (mut i32) (i32.const DEFAULT))
    (global $calls (mut i32) (i32.const 0))
    (data (i32.const 1024) "boom")
    (data (i32.const 1032) "calls")
    (data (i32.const 1040) "no such key")
    (data (i32.const 1056) "hello")

    (func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))

    (func $is (param i32) (result i32) (i32.eq (global.get $letter) (local.get 0)))

    (func (export "configure") (param $at i32) (param i32) (result i32)
      (local $trait i32)
      ;; null leaves the default letter
      (if (i32.ne (i32.load8_u offset=1 (local.get $at)) (i32.const 117))
        (then
          (global.set $letter (i32.load8_u offset=1 (local.get $at)))
          (local.set $trait (i32.load8_u offset=2 (local.get $at)))))
      (global.set $next (i32.const 4096))
      (if (call $is (i32.const 114)) ;; r
        (then
          (i32.store8 (i32.const 512) (i32.const 1))
          (i32.store (i32.const 520) (i32.const 1040))
          (i32.store (i32.const 524) (i32.const 11))
          (return (i32.const 512))))
      ;; one selector: the body, read and write
      (i32.store (i32.const 776) (i32.const 23))
      (i32.store (i32.const 784) (i32.const 3))
      (i32.store8 (i32.const 512) (i32.const 0))
      ;; signals: traces and logs
      (i32.store (i32.const 520) (select (i32.const 0) (i32.const 10) (call $is (i32.const 105)))) ;; i
      (i32.store (i32.const 524) (i32.const 768))
      (i32.store (i32.const 528) (i32.const 1))
      (i32.store (i32.const 532) (i32.const 16))
      (i64.store (i32.const 536)
        (i64.extend_i32_u (i32.or
          (i32.eq (local.get $trait) (i32.const 83))
          (i32.shl (i32.eq (local.get $trait) (i32.const 82)) (i32.const 1)))))
      (i32.const 512))

    ;; Drops of the first $most items among the entities.
    (func $drop (param $index i32) (param $most i32)
      (local $entity i32) (local $entities i32) (local $row i32) (local $out i32) (local $edits i32)
      (local.set $entities (i32.load offset=4 (local.get $index)))
      (local.set $row (i32.add (local.get $index) (i32.mul (i32.load (local.get $index)) (i32.const 4))))
      (local.set $out (call $realloc (i32.const 0) (i32.const 0) (i32.const 8)
        (i32.add (i32.const 8) (i32.mul (local.get $entities) (i32.const 16)))))
      (i32.store (i32.const 644) (local.get $out))
      (block $done
        (loop $next
          (br_if $done (i32.ge_u (local.get $entity) (local.get $entities)))
          (br_if $done (i32.ge_u (local.get $edits) (local.get $most)))
          (if (i32.eq (i32.load (local.get $row)) (i32.const 4))
            (then
              (local.set $edits (i32.add (local.get $edits) (i32.const 1)))
              (call $edit
                (i32.sub
                  (i32.add (local.get $out) (i32.mul (local.get $edits) (i32.const 16)))
                  (i32.const 8))
                (i32.const 1) (local.get $entity))))
          (local.set $row (i32.add (local.get $row) (i32.const 12)))
          (local.set $entity (i32.add (local.get $entity) (i32.const 1)))
          (br $next)))
      (i32.store (local.get $out) (i32.const 2))
      (i32.store offset=4 (local.get $out) (local.get $edits))
      (i32.store (i32.const 648) (i32.add (i32.const 2) (i32.mul (local.get $edits) (i32.const 4)))))

    (func $edit (param $at i32) (param $op i32) (param $target i32)
      (i32.store (local.get $at) (local.get $op))
      (i32.store offset=4 (local.get $at) (local.get $target))
      (i32.store offset=8 (local.get $at) (i32.const 0))
      (i32.store offset=12 (local.get $at) (i32.const 0)))

    (func (export "process")
      (param $signal i32) (param $received i64) (param $index i32) (param i32) (param i32) (param i32) (result i32)
      (local $scan i32)
      (;start;)
      (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
      (call $add (i32.const 1032) (i32.const 5) (i32.const 0) (i32.const 0) (i64.const 1))
      (i32.store8 (i32.const 640) (i32.const 0))
      (i32.store (i32.const 644) (i32.const 8))
      (i32.store (i32.const 648) (i32.const 0))
      (i32.store (i32.const 652) (i32.const 8))
      (i32.store (i32.const 656) (i32.const 0))
      (if (call $is (i32.const 116)) (then (unreachable))) ;; t
      (if (i32.or (call $is (i32.const 112)) (call $is (i32.const 113))) ;; p q
        (then
          (block $clean
            (loop $byte
              (br_if $clean (i32.ge_u (local.get $scan) (local.get 5)))
              (if (i32.eq (i32.load8_u (i32.add (local.get 4) (local.get $scan))) (i32.const 33))
                (then (if (call $is (i32.const 112)) (then (unreachable))) (loop $ever (br $ever))))
              (local.set $scan (i32.add (local.get $scan) (i32.const 1)))
              (br $byte)))))
      (if (call $is (i32.const 115)) (then (drop (call $deep (i32.const 1))))) ;; s
      (if (call $is (i32.const 108)) (then (loop $ever (br $ever)))) ;; l
      (if (call $is (i32.const 109)) ;; m
        (then (loop $ever (drop (memory.grow (i32.const 16))) (br $ever))))
      (if (call $is (i32.const 101)) ;; e
        (then
          (i32.store8 (i32.const 640) (i32.const 1))
          (i32.store (i32.const 644) (i32.const 1024))
          (i32.store (i32.const 648) (i32.const 4))))
      (if (call $is (i32.const 98)) ;; b
        (then
          (i32.store (i32.const 644) (i32.const 2048))
          (i32.store (i32.const 648) (i32.const 6))
          (i32.store (i32.const 2048) (i32.const 2))
          (i32.store (i32.const 2052) (i32.const 1))
          (call $edit (i32.const 2056) (i32.const 1) (i32.const 1000000))))
      (if (call $is (i32.const 100)) (then (call $drop (local.get $index) (i32.const -1)))) ;; d
      (if (call $is (i32.const 104)) (then (call $drop (local.get $index) (i32.const 1)))) ;; h
      (if (call $is (i32.const 111)) (then (i32.store (i32.const 648) (i32.const -1)))) ;; o
      (if (call $is (i32.const 99)) ;; c
        (then (call $log (i32.const 2) (i32.const 1056) (i32.const 5))))
      (if (call $is (i32.const 119)) ;; w
        (then
          (if (i32.gt_u (global.get $calls) (i32.const 1)) (then (unreachable)))
          (call $drop (local.get $index) (i32.const -1))))
      (global.set $next (i32.const 4096))
      (i32.const 640)))
"#;

const WIRING: &str = r#"
  (core instance $libc (instantiate $libc-module))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $log (canon lower (func $host "log") (memory $memory)))
  (core func $add (canon lower (func $host "counter-add") (memory $memory)))
  (core instance $main (instantiate $main-module
    (with "libc" (instance $libc))
    (with "host" (instance (export "log" (func $log)) (export "counter-add" (func $add))))))
"#;

const LIFTS: &str = r#"
  (func $configure (param "config" string) (result (result $interest (error string)))
    (canon lift (core func $main "configure") (memory $memory) (realloc $realloc)))
  (func $process (param "batch" $batch) (result (result $edits (error string)))
    (canon lift (core func $main "process") (memory $memory) (realloc $realloc)))
"#;

const EXPORT: &str = r#"
  (instance $processor (instantiate $shim
    (with "selector" (type $selector))
    (with "interest" (type $interest))
    (with "batch" (type $batch))
    (with "edits" (type $edits))
    (with "configure" (func $configure))
    (with "process" (func $process))))
  (export "weir:plugin/processor@0.1.0" (instance $processor))
"#;

const SELECTOR: &str = r#"(record (field "signals" u32) (field "levels" u32) (field "field" u32)
    (field "kinds" u32) (field "access" u32) (field "name" string))"#;
const INTEREST: &str = r#"(record (field "signals" u32) (field "selectors" (list $selectorSUFFIX)) (field "drops" u32)
    (field "traits" u64) (field "more" (list (tuple u32 string))))"#;
const BATCH: &str = r#"(record (field "signal" u8) (field "received" u64) (field "index" (list u32))
    (field "bytes" (list u8)))"#;
const EDITS: &str = r#"(record (field "index" (list u32)) (field "bytes" (list u8)))"#;

/// The contract's records, with a suffix to their names.
fn types(suffix: &str) -> String {
    let interest = INTEREST.replace("SUFFIX", suffix);
    format!(
        "(type $selector{suffix} {SELECTOR}) (type $interest{suffix} {interest})
         (type $batch{suffix} {BATCH}) (type $edits{suffix} {EDITS})"
    )
}

/// A component that only gives names to the types of two functions: an exported interface must name what it uses.
fn shim() -> String {
    let interest_in = INTEREST.replace("SUFFIX", "-in");
    let interest_out = INTEREST.replace("SUFFIX", "-out");
    format!(
        r#"(component $shim
      (type $selector-raw {SELECTOR}) (import "selector" (type $selector-in (eq $selector-raw)))
      (type $interest-raw {interest_in}) (import "interest" (type $interest-in (eq $interest-raw)))
      (type $batch-raw {BATCH}) (import "batch" (type $batch-in (eq $batch-raw)))
      (type $edits-raw {EDITS}) (import "edits" (type $edits-in (eq $edits-raw)))
      (import "configure" (func $configure (param "config" string) (result (result $interest-in (error string)))))
      (import "process" (func $process (param "batch" $batch-in) (result (result $edits-in (error string)))))
      (export $selector-out "selector" (type $selector-in))
      (type $interest-new {interest_out})
      (export $interest-out "interest" (type $interest-new))
      (export $batch-out "batch" (type $batch-in))
      (export $edits-out "edits" (type $edits-in))
      (export "configure" (func $configure)
        (func (param "config" string) (result (result $interest-out (error string)))))
      (export "process" (func $process)
        (func (param "batch" $batch-out) (result (result $edits-out (error string))))))"#
    )
}
