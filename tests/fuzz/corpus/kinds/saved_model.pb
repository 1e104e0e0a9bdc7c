I
 

Placeholder"serve*2.21.0%

xPlaceholder

yRelux"ó
