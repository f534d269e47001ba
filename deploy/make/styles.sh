#!/usr/bin/env bash
# What a style sheet and a view may not do.
. "$(dirname "$0")/common.sh"
WRONG=0
complain() { printf '%s\n' "$1"; WRONG=1; }
while read -r file; do case $file in ''|'#'*) ;; *) [ -f "style/$file" ] || complain "style/order.txt names style/$file, which is not there" ;; esac; done <style/order.txt
for file in style/*.css; do
  grep -qx "$(basename "$file")" style/order.txt || complain "$file is not in style/order.txt"
  case $file in style/tokens.css) ;; *)
    grep -nE '#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(|oklch\(' "$file" && complain "$file names a colour; colours stand in tokens.css" ;;
  esac
  grep -n '@import' "$file" && complain "$file imports; order.txt puts the files together"
  opened=$(tr -cd '{' <"$file" | wc -c); closed=$(tr -cd '}' <"$file" | wc -c)
  [ "$opened" = "$closed" ] || complain "$file has $opened opening and $closed closing braces"
done
grep -rnE '\bstyle=|style:[a-z-]+=' app/src --include='*.rs' && complain "views may not style inline: the content security policy forbids it"
exit $WRONG
