;; The rest of the guests in configure/, which define the export `configure`. Those that come up all the same change
;; nothing.
    (func (export "process") (param i32 i64 i32 i32 i32 i32) (result i32) (call $keep))
