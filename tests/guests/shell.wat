;; The component around a guest's core module: the types of weir:plugin/types, and the two functions of
;; weir:plugin/processor lifted from the module's exports.
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

  (core module $guest
    (memory (export "memory") 2)
    ;;PRELUDE
    ;;GUEST
  )
  (core instance $guest (instantiate $guest))
  (alias core export $guest "memory" (core memory $memory))
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
