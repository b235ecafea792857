;; The component around every hostile guest: shell.wat, and all that a guest can reach of the outside world. The memory
;; stands in a module of its own, since the imports need it before the guest is there.
(component
  (import "weir:plugin/types@0.1.0" (instance $types
    (type $batch' (record
      (field "signal" u8) (field "received" u64) (field "index" (list u32)) (field "bytes" (list u8))))
    (export "batch" (type $batch (eq $batch')))
    (type $edits' (record (field "index" (list u32)) (field "bytes" (list u8))))
    (export "edits" (type $edits (eq $edits')))
    (type $selector' (record
      (field "signals" u32) (field "levels" u32) (field "field" u32) (field "kinds" u32) (field "access" u32)
      (field "name" string)))
    (export "selector" (type $selector (eq $selector')))
    (type $interest' (record
      (field "signals" u32) (field "selectors" (list $selector)) (field "drops" u32) (field "traits" u64)
      (field "more" (list (tuple u32 string)))))
    (export "interest" (type $interest (eq $interest')))))
  (alias export $types "batch" (type $batch))
  (alias export $types "edits" (type $edits))
  (alias export $types "interest" (type $interest))

  (import "weir:plugin/host@0.1.0" (instance $host
    (export "log" (func (param "level" u8) (param "message" string)))
    (export "counter-add" (func (param "counter" string) (param "label" string) (param "value" u64)))))
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-u64" (func (result u64)))
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (import "wasi:cli/environment@0.2.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))))
  (import "wasi:io/poll@0.2.0" (instance $poll
    (export "pollable" (type $pollable (sub resource)))
    (export "[method]pollable.block" (func (param "self" (borrow $pollable))))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $mine (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $mine))))))
  (import "wasi:filesystem/types@0.2.0" (instance $files (export "descriptor" (type (sub resource)))))
  (alias export $files "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $outer))
    (export "descriptor" (type $mine (eq $outer)))
    (export "get-directories" (func (result (list (tuple (own $mine) string)))))))

  (import "wasi:sockets/network@0.2.0" (instance $net
    (export "network" (type (sub resource)))
    (type $code' (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout"
      "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit"
      "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset"
      "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure"
      "permanent-resolver-failure"))
    (export "error-code" (type (eq $code')))
    (type $family' (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family')))
    (type $v4-address' (tuple u8 u8 u8 u8))
    (export "ipv4-address" (type $v4-address (eq $v4-address')))
    (type $v6-address' (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (export "ipv6-address" (type $v6-address (eq $v6-address')))
    (type $v4' (record (field "port" u16) (field "address" $v4-address)))
    (export "ipv4-socket-address" (type $v4 (eq $v4')))
    (type $v6' (record
      (field "port" u16) (field "flow-info" u32) (field "address" $v6-address) (field "scope-id" u32)))
    (export "ipv6-socket-address" (type $v6 (eq $v6')))
    (type $address' (variant (case "ipv4" $v4) (case "ipv6" $v6)))
    (export "ip-socket-address" (type (eq $address')))))
  (alias export $net "network" (type $network))
  (alias export $net "error-code" (type $code))
  (alias export $net "ip-address-family" (type $family))
  (alias export $net "ip-socket-address" (type $address))
  (import "wasi:sockets/instance-network@0.2.0" (instance $instance-network
    (alias outer 1 $network (type $outer))
    (export "network" (type $mine (eq $outer)))
    (export "instance-network" (func (result (own $mine))))))
  (import "wasi:sockets/tcp@0.2.0" (instance $tcp
    (alias outer 1 $network (type $network-outer)) (export "network" (type $network (eq $network-outer)))
    (alias outer 1 $code (type $code-outer)) (export "error-code" (type $code (eq $code-outer)))
    (alias outer 1 $address (type $address-outer)) (export "ip-socket-address" (type $address (eq $address-outer)))
    (export "tcp-socket" (type $socket (sub resource)))
    (export "[method]tcp-socket.start-connect" (func
      (param "self" (borrow $socket)) (param "network" (borrow $network)) (param "remote-address" $address)
      (result (result (error $code)))))))
  (alias export $tcp "tcp-socket" (type $socket))
  (import "wasi:sockets/tcp-create-socket@0.2.0" (instance $create
    (alias outer 1 $code (type $code-outer)) (export "error-code" (type $code (eq $code-outer)))
    (alias outer 1 $family (type $family-outer)) (export "ip-address-family" (type $family (eq $family-outer)))
    (alias outer 1 $socket (type $socket-outer)) (export "tcp-socket" (type $socket (eq $socket-outer)))
    (export "create-tcp-socket" (func
      (param "address-family" $family) (result (result (own $socket) (error $code)))))))

  ;; Lists that the host gives are put at 49152 and further.
  (core module $libc
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 49152))
    (func (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (global.get $top)
      (global.set $top
        (i32.and (i32.add (i32.add (global.get $top) (local.get $size)) (i32.const 7)) (i32.const -8)))))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $take))
  (core func $log (canon lower (func $host "log") (memory $memory)))
  (core func $counter-add (canon lower (func $host "counter-add") (memory $memory)))
  (core func $random-number (canon lower (func $random "get-random-u64")))
  (core func $random-list (canon lower (func $random "get-random-bytes") (memory $memory) (realloc $take)))
  (core func $leave (canon lower (func $exit "exit")))
  (core func $variables (canon lower (func $environment "get-environment") (memory $memory) (realloc $take)))
  (core func $alarm (canon lower (func $clock "subscribe-duration")))
  (core func $silence (canon resource.drop $pollable))
  (core func $block (canon lower (func $poll "[method]pollable.block")))
  (core func $directories (canon lower (func $preopens "get-directories") (memory $memory) (realloc $take)))
  (core func $network-of-all (canon lower (func $instance-network "instance-network")))
  (core func $new-socket (canon lower (func $create "create-tcp-socket") (memory $memory)))
  (core func $connect (canon lower (func $tcp "[method]tcp-socket.start-connect") (memory $memory)))
  (core instance $outside
    (export "log" (func $log))
    (export "counter-add" (func $counter-add))
    (export "random" (func $random-number))
    (export "random-bytes" (func $random-list))
    (export "exit" (func $leave))
    (export "variables" (func $variables))
    (export "alarm" (func $alarm))
    (export "block" (func $block))
    (export "silence" (func $silence))
    (export "directories" (func $directories))
    (export "network" (func $network-of-all))
    (export "socket" (func $new-socket))
    (export "connect" (func $connect)))

  (core module $guest
    (import "libc" "memory" (memory 2))
    (import "outside" "log" (func $log (param $level i32) (param $text i32) (param $length i32)))
    (import "outside" "counter-add" (func $counter-add (param i32 i32 i32 i32 i64)))
    (import "outside" "random" (func $random (result i64)))
    (import "outside" "random-bytes" (func $random-bytes (param $count i64) (param $answer i32)))
    (import "outside" "exit" (func $exit (param $failed i32)))
    (import "outside" "variables" (func $variables (param $answer i32)))
    (import "outside" "alarm" (func $alarm (param $nanoseconds i64) (result i32)))
    (import "outside" "block" (func $block (param $alarm i32)))
    (import "outside" "silence" (func $silence (param $alarm i32)))
    (import "outside" "directories" (func $directories (param $answer i32)))
    (import "outside" "network" (func $network (result i32)))
    (import "outside" "socket" (func $socket (param $family i32) (param $answer i32)))
    (import "outside" "connect" (func $connect
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (param $answer i32)))
    ;;PRELUDE
    ;;GUEST
  )
  (core instance $guest (instantiate $guest (with "libc" (instance $libc)) (with "outside" (instance $outside))))
  (alias core export $guest "realloc" (core func $realloc))
  (alias core export $guest "configure" (core func $core-configure))
  (alias core export $guest "process" (core func $core-process))

  (func $configure (param "config" string) (result (result $interest (error string)))
    (canon lift (core func $core-configure) (memory $memory) (realloc $realloc) string-encoding=utf8))
  (func $process (param "batch" $batch) (result (result $edits (error string)))
    (canon lift (core func $core-process) (memory $memory) (realloc $realloc) string-encoding=utf8))

  (instance $processor
    (export "batch" (type $batch))
    (export "edits" (type $edits))
    (export "interest" (type $interest))
    (export "configure" (func $configure))
    (export "process" (func $process)))
  (export "weir:plugin/processor@0.1.0" (instance $processor))
)
