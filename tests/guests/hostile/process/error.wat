;; Its words are made to look like lines of weir.
    (data (i32.const 2048) "first\0a2026-11-25T00:00:00Z ERROR forged line\0d\1b[2Jforged too\e2\80\a8and this")
    (func $attack (result i32)
      (i32.store8 (i32.const 0) (i32.const 1))
      (call $raw (i32.const 2048) (i32.const 70) (i32.const 0) (i32.const 0)))
